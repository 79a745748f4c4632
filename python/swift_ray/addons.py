"""Ray teaches its pickler values of some packages, for which it imports them, NumPy with them, in every process.

Here a process learns them when it imports such a package: before, it cannot have such a value. (One that arrives has its
package imported to be read.)
"""

import sys
from collections.abc import Callable
from typing import Any

from swift_ray.finder import AWAITED


def pydantic(context: Any) -> None:
    from ray._common.pydantic_compat import register_pydantic_serializers

    register_pydantic_serializers(context)


def starlette(context: Any) -> None:
    from ray.util.serialization_addons import register_starlette_serializer

    register_starlette_serializer(context)


def pyarrow(context: Any) -> None:
    from ray._private.arrow_serialization import _register_custom_datasets_serializers

    _register_custom_datasets_serializers(context)


ADDONS: dict[str, Callable[[Any], None]] = {
    "pydantic": pydantic,
    "starlette.datastructures": starlette,
    "pyarrow": pyarrow,
}


def apply(context: Any) -> None:
    """What Ray's function of this name does, as soon as there is reason for it."""
    for name, register in ADDONS.items():
        AWAITED[name] = lambda register=register: register(context)
        if name in sys.modules and (action := AWAITED.pop(name, None)) is not None:
            action()
