"""A codec that is declared: its frame waits, bounds, drains and patches; the author says what messages mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DEFAULT_MAX_MESSAGE_SIZE, Codec, DecodeStatus, Field
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing.contract import Duties, Frames, MessageFrame
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation

_REQUEST = MessageType.REQUEST


class FramedCodec(Codec):
    """Base of codecs whose messages a frame declares. An author writes ``name``, ``frame``, and ``on_error``.

    Attributes:
        frame: The declaration; :class:`Frames` where requests and replies differ. ``request_ids`` follow from it
            unless the class says them itself.
    """

    frame: ClassVar[MessageFrame | Frames]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        frame = getattr(cls, "frame", None)
        if frame is None:
            return
        if not isinstance(frame, MessageFrame | Frames):
            raise ValueError(f"{cls.__name__}.frame is {frame!r}, which is no frame; write it as Frame(...)")
        if "request_ids" not in cls.__dict__ and ("frame" in cls.__dict__):
            cls.request_ids = frame.request_ids
        hatch = cls.frame_length is not FramedCodec.frame_length
        for side in {frame.request, frame.response}:
            if not side.tells_length and not hatch:
                raise ValueError(
                    f"{cls.__name__}.frame does not say where a message ends: give it length=this.some_field, or "
                    "override frame_length()"
                )
        if hatch and frame.request.tells_length and frame.response.tells_length:
            raise ValueError(
                f"{cls.__name__} overrides frame_length(), and its frame says where a message ends too; leave one out"
            )

    def __init__(self, *, max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        super().__init__(max_message_size=max_message_size)
        if getattr(self, "frame", None) is None:
            raise ValueError(f"{type(self).__name__} has no frame; a FramedCodec says frame = Frame(...) in its class")
        describes = type(self).describe is not FramedCodec.describe
        duties = Duties(
            limit=max_message_size, describe=self.describe if describes else None, frame_length=self.frame_length
        )
        self._describes = describes
        self._decode_request = self.frame.request.bind(duties)
        self._decode_response = self.frame.response.bind(duties)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """See :meth:`Codec.decode`; the frame does it."""
        if metadata.message_type is _REQUEST:
            return self._decode_request(buffer, metadata)
        return self._decode_response(buffer, metadata)

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        """See :meth:`Codec.encode`; the frame does it."""
        frame = self._frame_of(metadata)
        data = frame.encode(metadata, mutation)
        if mutation:
            self._check_mutated(metadata, mutation, data)
        buffer.append(data)

    def _check_mutated(self, metadata: Metadata, mutation: Mutation, data: bytes) -> None:
        """Raises EncodeError unless ``data`` says what ``mutation`` wants: describe() may shadow a header it sets."""
        size, limit = len(data), self.max_message_size
        if size > limit:
            raise EncodeError(f"it would have {size} bytes, over the limit of {limit} (max_message_size)")
        if not self._describes and self._frame_of(metadata).tells_length:
            return
        read = Metadata(metadata.side, codec=self.name)
        buffer = Buffer(data)
        try:
            status = self.decode(buffer, read)
            wrong = [key for key, value in mutation.items() if read.get(key) != value]
        except DecodeError as error:
            raise EncodeError(f"the changed message would be malformed: {error}") from error
        if status is not DecodeStatus.DONE or buffer:
            raise EncodeError("its length would be wrong, as frame_length() cannot be run backwards")
        if wrong:
            raise EncodeError(
                "the protocol's own field of that name, which describe() sets, wins over a header", key=wrong[0]
            )

    def describe(self, header: Any, metadata: Metadata) -> None:
        """Says what a whole message means. Override it: set ``operation_name``, ``message_type``,
        ``response_status`` and strings from ``header``, whose attributes are the declared fields, and from
        ``self.body(metadata)``.

        ConstructError, LookupError, ValueError, ArithmeticError and struct.error raised here mean that the message is
        malformed; a string set here wins over a header of the same name.
        """

    def frame_length(self, header: Any, buffer: Buffer) -> int | None:
        """Bytes of the message at the front of ``buffer``, for a frame without ``length=``; None: more must come.

        Override it where the length is no sum of header fields. It may look at ``buffer`` and keep what it learnt
        in ``buffer.hint``, but not drain. The header is whole when it is called.
        """
        raise TypeError(f"{type(self).__name__} has no frame_length()")

    def body(self, metadata: Metadata) -> bytes:
        """The payload of a decoded message."""
        return self._frame_of(metadata).body(metadata.origin_message)

    def can_mutate(self, metadata: Metadata) -> bool:
        """See :meth:`Codec.can_mutate`: whether the message's frame has string headers."""
        return self._frame_of(metadata).carries_headers

    def fields(self, data: bytes) -> Iterable[Field]:
        """See :meth:`Codec.fields`. Where requests and replies differ, the frame that finds less wrong names them."""
        request, response = self.frame.request, self.frame.response
        found = list(request.fields(data))
        if response is request:
            return found
        other = list(response.fields(data))
        return min(found, other, key=lambda fields: sum(bool(field.problem) for field in fields))

    def _frame_of(self, metadata: Metadata) -> MessageFrame:
        return self.frame.request if metadata.side is _REQUEST else self.frame.response
