"""Imports that wait until they are used."""

import builtins
import importlib
from types import ModuleType
from typing import Any


class Deferred(ModuleType):
    """Stands for a module that is imported when something of it is used."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


def defer(module: ModuleType, names: tuple[str, ...]) -> None:
    """Has `import X` in `module`, which has not run yet, give something that stands for X, if X is one of `names`.

    Only this module's imports change: they look up `__import__` in what the module has for builtins.
    """
    load = builtins.__import__

    def load_or_defer(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> ModuleType:
        if name in names and not fromlist and level == 0:
            return Deferred(name)
        return load(name, globals, locals, fromlist, level)

    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": load_or_defer}
