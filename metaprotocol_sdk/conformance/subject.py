"""What the suite must be told of a codec: how to make one, and what its messages look like."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.metadata import MessageType, ResponseStatus

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


FACTS = (
    "strings",
    "request_id",
    "message_type",
    "operation_name",
    "response_status",
    "header_size",
    "body_size",
)
"""What may be stated of a message, by the names that :class:`Sample` and Metadata have for it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One valid message, and what its author knows it says. None: not stated, so nothing is compared.

    Args:
        data: The message's bytes; bytes that the codec skips may stand before it.
        strings: Strings that decode must find in it; other strings may be there too. A value of None: no such string.
        request_id: The id that decode must find.
        message_type: What the message is.
        operation_name: The span's name that decode must give it.
        response_status: Whether a reply counts as a success.
        header_size: Bytes of framing and headers.
        body_size: Bytes of payload.
    """

    data: bytes
    _: KW_ONLY
    strings: Mapping[str, str | None] | None = None
    request_id: int | None = None
    message_type: MessageType | None = None
    operation_name: str | None = None
    response_status: ResponseStatus | None = None
    header_size: int | None = None
    body_size: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.data, bytes):
            raise TypeError(f"a Sample's data is bytes, not {type(self.data).__name__}")
        if not self.data:
            raise ValueError("a Sample's data is empty; a message has at least one byte")

    @property
    def facts(self) -> dict[str, Any]:
        """What is stated of the message, by the name of the argument that stated it."""
        return {name: value for name in FACTS if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Subject:
    """A codec and its messages: what a codec's ``strategies.py`` offers as ``subject``.

    What the codec says itself (``request_ids``, ``can_mutate``, ``rewrites``) is not said again.

    Args:
        factory: Makes a codec from its configuration's keyword arguments; usually the class. The laws make their own,
            some with a small ``max_message_size``.
        requests: Draws what clients send; None where clients send nothing.
        responses: Draws what servers send; None where servers send nothing.
        reply_to: Draws a reply to a given request, where it matters which one a reply answers: for a stateful codec, or
            one that writes a reply differently for different requests. It returns None for a request that nothing
            answers. Without it, replies are drawn from ``responses`` alone.
        vectors: A file of golden vectors, or a folder of such files. None: the folder ``vectors`` beside the module
            that defines ``factory``, where there is one.
    """

    factory: Callable[..., Codec]
    requests: SearchStrategy[Sample] | None
    responses: SearchStrategy[Sample] | None
    reply_to: Callable[[Sample], SearchStrategy[Sample] | None] | None = None
    vectors: Path | None = None

    @property
    def sides(self) -> tuple[MessageType, ...]:
        """The sides that speak, REQUEST first."""
        speaking = ((MessageType.REQUEST, self.requests), (MessageType.RESPONSE, self.responses))
        return tuple(side for side, strategy in speaking if strategy is not None)
