"""What `together` calls in Python; nothing here knows of Ray."""


def area(width, height=1.0):
    return width * height


def describe(shape, *, unit="cm"):
    """A dict comes from a struct in Swift, and becomes one there."""
    return {
        "name": shape["name"].upper(),
        "sides": len(shape["lengths"]),
        "unit": unit,
        "note": None,
    }


def doubled(numbers):
    """A NumPy array on Swift's memory, not to be written."""
    assert not numbers.flags.writeable
    return numbers * 2


def total(numbers):
    return sum(numbers)


def reverse(data):
    return data[::-1]


def fail(why):
    print("about to fail")
    raise ValueError(why)


def unknown_kind():
    return object()


def same(value):
    return value


class Counter:
    def __init__(self, start=0):
        self.count = start

    def increment(self, by=1):
        self.count += by
        return self.count

    def fail(self):
        raise KeyError("nothing here")


class Waiter:
    """Its methods are coroutines."""

    def __init__(self):
        import asyncio

        self.event = asyncio.Event()

    async def wait(self):
        await self.event.wait()
        return "set"

    async def set(self):
        self.event.set()
