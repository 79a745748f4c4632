"""Generators whose items are read in this process."""

import contextlib

from swift_ray._core import CoreError
from swift_ray._native import MessagePackSerializedObject, ObjectRef
from swift_ray.raylet.core_error import ray_exception

# Ray's ErrorType of what stands for an item that does not come.
END_OF_STREAM = 24


class Streams:
    """The part of `CoreWorker` behind `ObjectRefGenerator`.

    The core hands out each item's reference once; what was looked at and not taken waits in `_peeked`. The worker of a
    generator with a limit must not take what was looked at for read.
    """

    _address: bytes
    _peeked: dict[bytes, list[ObjectRef]]
    # Generators with a limit.
    _limited: set[bytes]
    _end: ObjectRef | None = None

    def limit_stream(self, references: list[ObjectRef], limit: int) -> list[ObjectRef]:
        """What a call gave, whose generator, if it is one, is limited to `limit` unread items."""
        if limit > 0:
            self._limited.add(references[0].binary())
        return references

    def _next_item(self, generator_ref: ObjectRef) -> ObjectRef | None:
        operation = "peek_item" if generator_ref.binary() in self._limited else "next_item"
        try:
            found = self.control(operation, task=generator_ref.binary()[:24])
        except CoreError as error:
            raise ray_exception(error) from None
        return None if found is None else ObjectRef(found, self._address, "", True)

    def _peek(self, generator_ref: ObjectRef, count: int) -> list[ObjectRef]:
        """The next references, fewer at the end."""
        peeked = self._peeked.setdefault(generator_ref.binary(), [])
        while len(peeked) < count and (item := self._next_item(generator_ref)) is not None:
            peeked.append(item)
        return peeked[:count]

    def peek_object_ref_stream(self, generator_ref: ObjectRef) -> tuple[ObjectRef, bool]:
        """The next item, not consumed, and whether it is there. At the end the generator itself, which is there."""
        items = self._peek(generator_ref, 1)
        if not items:
            return generator_ref, True
        return items[0], self.object_exists(items[0])

    def peek_object_ref_stream_n(self, generator_ref: ObjectRef, count: int) -> list[tuple[ObjectRef, bool]]:
        """As many as are asked for: behind the end are objects that say so."""
        items = self._peek(generator_ref, count)
        items = items + [self._end_object()] * (count - len(items))
        return [(item, self.object_exists(item)) for item in items]

    def _end_object(self) -> ObjectRef:
        """An object that stands for an item that does not come."""
        if self._end is None:
            metadata = str(END_OF_STREAM).encode()
            self._end = self.put_object(MessagePackSerializedObject(metadata, b"", [], None))
        return self._end

    def peek_next_object_id_binary(self, generator_ref: ObjectRef) -> bytes:
        return self.peek_object_ref_stream(generator_ref)[0].binary()

    def try_read_next_object_ref_stream(self, generator_ref: ObjectRef) -> ObjectRef:
        """ObjectRefStreamEndOfStreamError: there are no more items."""
        import ray.exceptions

        items = self._peek(generator_ref, 1)
        generator = generator_ref.binary()
        if items and not self._is_past_end(generator_ref, items[0]):
            if generator in self._limited:
                self.control("take_peeked", task=generator[:24])
            return self._peeked[generator].pop(0)
        raise ray.exceptions.ObjectRefStreamEndOfStreamError("the generator has no more items")

    def try_read_next_object_ref_stream_n(self, generator_ref: ObjectRef, count: int) -> None:
        for _ in range(count):
            self.try_read_next_object_ref_stream(generator_ref)

    def _is_past_end(self, generator_ref: ObjectRef, item: ObjectRef) -> bool:
        """Whether the item that was promised turned out not to come. The item stays where it is.

        If the task failed, its error is in the place of such an item and in the generator's own: readers get
        the latter.
        """
        failure = self._failure(item)
        return failure is not None and failure in (END_OF_STREAM, self._failure(generator_ref))

    def _failure(self, ref: ObjectRef) -> int | None:
        """The number of the error (Ray's ErrorType) that is in an object's place."""
        return self.control("failure", object=ref.binary())

    def is_object_ref_stream_finished(self, generator_ref: ObjectRef) -> bool:
        items = self._peek(generator_ref, 1)
        return not items or self._is_past_end(generator_ref, items[0])

    def async_delete_object_ref_stream(self, generator_ref: ObjectRef) -> None:
        self._peeked.pop(generator_ref.binary(), None)
        self._limited.discard(generator_ref.binary())
        with contextlib.suppress(CoreError):
            self.control("leave_stream", task=generator_ref.binary()[:24])
