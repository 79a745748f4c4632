"""Ray teaches its pickler values of some packages, for which it imports them, NumPy with them, in every process.

Here a process learns them when it imports such a package: before, it cannot have such a value. (One that arrives has its
package imported to be read.)
"""

import functools
import importlib
import sys
from typing import Any

from swift_ray.finder import AWAITED

# By package: the module of Ray's that teaches its values, and the function there.
ADDONS = {
    "pydantic": ("ray._common.pydantic_compat", "register_pydantic_serializers"),
    "starlette.datastructures": ("ray.util.serialization_addons", "register_starlette_serializer"),
    "pyarrow": ("ray._private.arrow_serialization", "_register_custom_datasets_serializers"),
}


def apply(context: Any) -> None:
    """What Ray's function of this name does, as soon as there is reason for it."""
    for package, (teacher, function) in ADDONS.items():
        learn = functools.partial(_learn, context, package, teacher, function)
        # The teacher may be what imports the package, and can teach only when it is there itself.
        for module in (package, teacher):
            AWAITED[module] = functools.partial(learn, module)
        learn("")


def _learn(context: Any, package: str, teacher: str, function: str, loaded: str) -> None:
    """Learns if the package is there, unless it or the teacher is still being imported; `loaded` has just been."""
    if package not in sys.modules or any(_is_loading(name) for name in (package, teacher) if name != loaded):
        return
    for module in (package, teacher):
        AWAITED.pop(module, None)
    getattr(importlib.import_module(teacher), function)(context)


def _is_loading(name: str) -> bool:
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return getattr(spec, "_initializing", False)
