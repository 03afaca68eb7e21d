"""One direction of one connection: bytes in, described messages out.

``receive_data(bytes)`` as they come, then ``next_message()`` until it returns None. The Decoder holds every codec to
its contract, whoever wrote it: what it hands out can be trusted.
"""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.exceptions import UNCONTRACTED, CodecBug, CodecError, DecodeError, MessageTooLarge
from metaprotocol_sdk.metadata import MessageType, Metadata

_WAIT, _DONE, _SKIPPED = DecodeStatus.WAIT_FOR_DATA, DecodeStatus.DONE, DecodeStatus.SKIPPED


class Decoder:
    """Decodes what one side of one connection sends.

    Args:
        codec: The protocol; for a stateful one, the instance :meth:`Codec.for_connection` gave.
        side: REQUEST for what a client sends, RESPONSE for what a server sends.
    """

    __slots__ = ("_broken", "_buffer", "_decode", "_limit", "_name", "_taken", "codec", "side")

    def __init__(self, codec: Codec, side: MessageType) -> None:
        if side not in (MessageType.REQUEST, MessageType.RESPONSE):
            raise ValueError(f"a Decoder reads REQUEST or RESPONSE, not {side!r}")
        self.codec = codec
        self.side = side
        self._decode = codec.decode
        self._name = codec.name
        self._limit = codec.max_message_size
        self._taken: list[bytes] = []
        self._buffer = Buffer()
        self._buffer.taken = self._taken
        self._broken: CodecError | None = None

    @property
    def buffered(self) -> int:
        """Bytes received that belong to no message yet."""
        return self._buffer.length

    @property
    def is_broken(self) -> bool:
        """Whether an error ended this direction; every further call raises it again."""
        return self._broken is not None

    def pending(self) -> bytes:
        """A copy of the bytes that belong to no message yet, for a report."""
        return bytes(self._buffer)

    def receive_data(self, data: bytes) -> None:
        """Takes bytes as they came. ``bytes`` are adopted, not copied. After an error they are dropped."""
        if self._broken is None:
            self._buffer.append(data)

    def next_message(self) -> Metadata | None:
        """The next whole message, or None: more bytes are needed.

        Raises:
            DecodeError: What came can never become a message; the direction stays broken.
            CodecBug: The codec broke its contract; the direction stays broken.
        """
        if self._broken is not None:
            raise self._broken
        buffer = self._buffer
        while (have := buffer.length) and have >= buffer.needed:
            metadata = Metadata(self.side, self._name)
            try:
                status = self._decode(buffer, metadata)
            except DecodeError as error:
                self._broken = error
                raise
            except UNCONTRACTED as error:
                raise self._bug(error) from error
            if status is _DONE:
                origin, taken = metadata.origin_message, self._taken
                if (  # what _check_done says, without its call
                    len(taken) != 1
                    or taken[0] is not origin
                    or len(origin) != have - buffer.length
                    or len(origin) > self._limit
                    or type(metadata.message_type) is not MessageType
                    or type(metadata.request_id) is not int
                ):
                    self._check_done(metadata, have)
                taken.clear()
                return metadata
            if not self._is_skipped(status, have):
                break
        return None

    def _check_done(self, metadata: Metadata, have: int) -> None:
        origin = metadata.origin_message
        taken = self._taken
        if len(taken) != 1 or taken[0] is not origin:
            self._check_taken(b"".join(taken), origin)
        if not origin:
            raise self._bug("returned DONE without taking a byte")
        if len(origin) > self._limit:
            self._broken = MessageTooLarge(len(origin), self._limit)
            raise self._broken
        if have - self._buffer.length != len(origin):
            raise self._bug(f"put bytes into the buffer: {have} were there, {self._buffer.length} are after a message")
        if type(metadata.message_type) is not MessageType or type(metadata.request_id) is not int:
            self._check_fields(metadata)

    def _check_fields(self, metadata: Metadata) -> None:
        kind, request_id = metadata.message_type, metadata.request_id
        if not isinstance(kind, MessageType):
            raise self._bug(f"set message_type to {type(kind).__name__}; it takes a MessageType")
        if not isinstance(request_id, int):
            raise self._bug(f"set request_id to {type(request_id).__name__}; it takes an int")

    def _check_taken(self, taken: bytes, origin: object) -> None:
        if type(origin) is not bytes:
            raise self._bug(
                f"set origin_message to {type(origin).__name__}; it takes the bytes buffer.drain() returned"
            )
        if taken != origin:
            raise self._bug(f"drained {len(taken)} bytes and set origin_message to {len(origin)} other ones")

    def _check_wait(self, have: int) -> None:
        buffer = self._buffer
        if buffer.taken or len(buffer) != have:
            raise self._bug(f"returned WAIT_FOR_DATA and moved {have - len(buffer)} bytes; it may move none")
        limit = self._limit
        if have >= limit:
            self._broken = MessageTooLarge(have + 1, limit)
            raise self._broken
        if buffer.needed > limit:
            raise self._bug(f"waits for {buffer.needed} bytes, which is over its limit of {limit}; it must refuse them")

    def _is_skipped(self, status: object, have: int) -> bool:
        if status is _WAIT:
            self._check_wait(have)
            return False
        if status is not _SKIPPED:
            raise self._bug(f"returned {status!r}; decode returns a DecodeStatus")
        if self._buffer.length >= have:
            raise self._bug("returned SKIPPED without draining a byte")
        self._taken.clear()
        return True

    def _bug(self, what: str | BaseException) -> CodecBug:
        name = self.codec.name
        bug = CodecBug(name, "decode", what) if isinstance(what, str) else CodecBug.from_exception(name, "decode", what)
        self._broken = bug
        return bug
