"""Stand-ins for a stream's neighbours, so that decisions are tested without a socket, a loop or a wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.peer import Peer
from metaprotocol_sdk.proxy.stream import Chain, Stream


class FakeClock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class FakeDownstream:
    """A client's connection that keeps what it is given."""

    def __init__(self) -> None:
        self.is_clogged = False
        self.is_lost = False
        self.client = Peer()
        self.delivered: list[Stream] = []
        self.rejected: list[CodecError] = []
        self.holds = 0
        self.frames: list[bytes] = []
        self.is_finished = False

    def deliver(self, stream: Stream) -> None:
        assert not stream.is_over
        stream.is_over = True
        self.delivered.append(stream)

    def reject(self, stream: Stream, error: CodecError) -> None:
        assert not stream.is_over
        stream.is_over = True
        self.rejected.append(error)

    def hold(self) -> None:
        self.holds += 1

    def release(self) -> None:
        self.holds -= 1

    def forward(self, frame: bytes) -> None:
        self.frames.append(frame)

    def finish(self) -> None:
        self.is_finished = True


class FakeChain:
    """Keeps what became of each stream."""

    def __init__(self) -> None:
        self.responses: list[Metadata] = []
        self.errors: list[Error] = []
        self.sent_streams: list[Stream] = []

    def respond(self, stream: Stream, response: Metadata) -> None:
        self.responses.append(response)

    def fail(self, stream: Stream, error: Error) -> None:
        self.errors.append(error)

    def sent(self, stream: Stream) -> None:
        self.sent_streams.append(stream)


class FakeUpstream:
    """The way to servers: keeps what is sent and what is given up."""

    def __init__(self) -> None:
        self.sent: list[Stream] = []
        self.cancelled: list[Stream] = []
        self.expired: list[Stream] = []

    def send(self, stream: Stream) -> None:
        stream.carrier = self
        self.sent.append(stream)

    def cancel(self, stream: Stream) -> None:
        self.cancelled.append(stream)

    def expire(self, stream: Stream) -> None:
        self.expired.append(stream)
        self.cancel(stream)

    def throttle(self, stream: Stream) -> None:
        pass


class FakePending:
    """What a filter waits for, until a test says what it came to."""

    def __init__(self, awaitable: Any) -> None:
        awaitable.close()
        self.callbacks: list[Callable[[FakePending], None]] = []
        self.outcome: Error | BaseException | None = None
        self.is_cancelled = False

    def add_done_callback(self, callback: Callable[[Any], None], /) -> None:
        self.callbacks.append(callback)

    def cancel(self) -> None:
        self.is_cancelled = True

    def cancelled(self) -> bool:
        return self.is_cancelled

    def result(self) -> Error | None:
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def finish(self, outcome: Error | BaseException | None = None) -> None:
        self.outcome = outcome
        for callback in self.callbacks:
            callback(self)


class FakeTransport(asyncio.Transport):
    """Keeps what it is told to do."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []
        self.unwritten = 5
        self.watermark: int | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.watermark = high

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.calls.append(list(list_of_data))

    def close(self) -> None:
        self.calls.append("close")

    def abort(self) -> None:
        self.calls.append("abort")

    def is_closing(self) -> bool:
        return "close" in self.calls or "abort" in self.calls

    def get_write_buffer_size(self) -> int:
        return self.unwritten

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def request(request_id: int = 7, message_type: MessageType = MessageType.REQUEST, **strings: str) -> Metadata:
    """A request as a codec would describe it."""
    metadata = Metadata(message_type)
    metadata.request_id = request_id
    metadata.update(strings)
    return metadata


def stream_of(
    metadata: Metadata, *, downstream: FakeDownstream | None = None, chain: Chain | None = None, started: float = 1000.0
) -> Stream:
    return Stream(
        metadata,
        key=metadata.request_id,
        downstream=downstream or FakeDownstream(),
        chain=chain or FakeChain(),
        started=started,
    )
