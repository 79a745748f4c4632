"""Where this package is."""

import os
import site
import sysconfig


def checkout() -> str | None:
    """Where workers find this package if it is not installed."""
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    is_installed = folder in (
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
        site.getusersitepackages(),
    )
    return None if is_installed else folder
