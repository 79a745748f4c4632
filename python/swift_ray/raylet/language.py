"""The languages of tasks and actors: Ray's, and Swift."""

from typing import ClassVar

_NAMES = ("PYTHON", "JAVA", "CPP", "SWIFT")


class Language:
    """A language by its number in Ray's protocol. Equal by number; not hashable, like Ray's own."""

    __slots__ = ("_value",)
    __hash__ = None

    PYTHON: ClassVar["Language"]
    JAVA: ClassVar["Language"]
    CPP: ClassVar["Language"]

    def __init__(self, lang: int) -> None:
        if not isinstance(lang, int):
            raise TypeError("an integer is required")
        if not 0 <= lang < len(_NAMES):
            raise ValueError(f"no language has the number {lang}")
        self._value = lang

    def value(self) -> int:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Language) and self._value == other._value

    def __repr__(self) -> str:
        return _NAMES[self._value]

    def __reduce__(self) -> tuple:
        return Language, (self._value,)


Language.PYTHON = Language(0)
Language.JAVA = Language(1)
Language.CPP = Language(2)
# Not one of the names that Ray has.
SWIFT = Language(3)
