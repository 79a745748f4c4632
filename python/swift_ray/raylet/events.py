"""Ray's structured events. They are for its dashboard's aggregator, which our core does not start."""

import threading
from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True, slots=True)
class RayEvent:
    """An event as Ray's Python describes it; `serialized_data` is the message of field `nested_event_field_number`."""

    source_type: int
    event_type: int
    severity: int
    entity_id: str
    message: str
    session_name: str
    serialized_data: bytes
    nested_event_field_number: int
    event_id: bytes = b""
    timestamp_ns: int = 0


@dataclass
class EventRecorder:
    """Keeps the last events of this process. Events before `initialize` are dropped, as in Ray."""

    max_buffer_size: int
    events: list[RayEvent] = field(default_factory=list)

    @staticmethod
    def initialize(
        aggregator_port: int,
        node_ip: str,
        node_id_hex: str,
        max_buffer_size: int,
        metric_source: str = "python",
    ) -> None:
        global _recorder
        with _lock:
            _recorder = _recorder or EventRecorder(max_buffer_size)

    @staticmethod
    def instance() -> Optional["EventRecorder"]:
        return _recorder

    @staticmethod
    def emit(event: RayEvent) -> None:
        EventRecorder.emit_batch([event])

    @staticmethod
    def emit_batch(events: list[RayEvent]) -> None:
        with _lock:
            if _recorder is not None:
                _recorder.events.extend(events)
                del _recorder.events[: -_recorder.max_buffer_size or None]

    @staticmethod
    def shutdown() -> None:
        global _recorder
        with _lock:
            _recorder = None


_lock = threading.Lock()
_recorder: Optional[EventRecorder] = None
