"""A far side as a codec: each call is one question."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DEFAULT_MAX_MESSAGE_SIZE, Codec, DecodeStatus, Field
from metaprotocol_sdk.conformance.foreign.far_side import FarSide
from metaprotocol_sdk.conformance.foreign.fault import ForeignFault
from metaprotocol_sdk.conformance.foreign.wire import PROTOCOL, Answer, BadFrame
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.mutation import Mutation

HELLO = {"op": "hello", "protocol": PROTOCOL}
"""The first question of every process."""

_CAN_MUTATE = "foreign.can_mutate"
_LARGEST_ID = (1 << 64) - 1


class ForeignException(Exception):
    """The far side's codec raised something that no codec may raise; the text is the far side's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a far side says of its codec.

    Args:
        name: The codec's name.
        request_ids: As :attr:`Codec.request_ids`.
        rewrites: As :attr:`Codec.rewrites`.
        names_fields: Whether it answers ``fields``.
    """

    name: str
    request_ids: range
    rewrites: bool
    names_fields: bool

    @classmethod
    def read(cls, answer: Answer) -> Hello:
        """What the answer to ``hello`` says.

        Raises:
            BadFrame: It says something else, or in another version of the protocol.
        """
        if (version := answer.number("protocol")) != PROTOCOL:
            raise BadFrame(f"it speaks version {version} of the protocol, and this suite speaks version {PROTOCOL}")
        ids = answer.items("request_ids")
        good = all(isinstance(each, int) and 0 <= each <= _LARGEST_ID for each in ids)
        if ids and not (good and len(ids) == 2 and ids[0] <= ids[1]):
            raise BadFrame(f"its request_ids are {ids!r}, not the first and the last id, or null")
        return cls(
            name=answer.text("name"),
            request_ids=range(ids[0], ids[1] + 1) if ids else range(0),
            rewrites=answer.flag("rewrites"),
            names_fields="fields" in answer.items("also"),
        )


class ForeignCodec(Codec):
    """A codec that a far side is.

    It asks for every call anew, so that the far side's own state, if it has any, shows as it would in a proxy.

    Args:
        far_side: The program, started.
        hello: What it said of its codec.
        max_message_size: As every codec's.
    """

    name = "foreign"

    def __init__(self, far_side: FarSide, hello: Hello, *, max_message_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        super().__init__(max_message_size=max_message_size)
        # The contract has these on the class, and here each far side has its own.
        vars(self).update(name=hello.name, request_ids=hello.request_ids, rewrites=hello.rewrites)
        self._far_side = far_side
        self._names_fields = hello.names_fields

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """See :meth:`Codec.decode`."""
        question = {"op": "decode", "side": metadata.side.name, "data": bytes(buffer).hex()}
        said = self._far_side.ask(self._bounded(question), _Decoded.read)
        if said.problem is not None:
            raise said.problem
        taken = buffer.drain(said.taken) if said.taken else b""
        if said.status is DecodeStatus.WAIT_FOR_DATA:
            buffer.needed = said.needed
        elif said.status is DecodeStatus.DONE:
            metadata.origin_message = taken
            said.describe(metadata)
        return said.status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        """See :meth:`Codec.encode`."""
        for key, value in mutation.items():
            if not _is_unicode(f"{key}{value}"):
                raise EncodeError("text that is not Unicode cannot pass to a far side", key=ascii(key))
        question = {
            "op": "encode",
            "side": metadata.side.name,
            "message": metadata.origin_message.hex(),
            "request_id": metadata.request_id,
            "mutation": [[key, value] for key, value in mutation.items()],
            "request": metadata.request.origin_message.hex() if metadata.request is not None else None,
        }
        buffer.append(self._far_side.ask(self._bounded(question), _written))

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """See :meth:`Codec.on_error`."""
        question = {
            "op": "on_error",
            "request": metadata.origin_message.hex(),
            "request_id": metadata.request_id,
            "error_type": error.type.name,
            "error_message": error.message,
            "flag": error.flag,
        }
        buffer.append(self._far_side.ask(self._bounded(question), _written))

    def can_mutate(self, metadata: Metadata) -> bool:
        """See :meth:`Codec.can_mutate`; decode was told."""
        return bool(metadata.objects.get(_CAN_MUTATE, False))

    def fields(self, data: bytes) -> Iterable[Field]:
        """See :meth:`Codec.fields`; a far side that fails to name them costs names and nothing else."""
        if self._names_fields and data:
            try:
                return self._far_side.ask({"op": "fields", "data": data.hex()}, _fields)
            except (ForeignFault, ForeignException):
                pass
        return super().fields(data)

    def _bounded(self, question: dict[str, Any]) -> dict[str, Any]:
        return question | {"max_message_size": self.max_message_size}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """What a far side made of bytes."""

    status: DecodeStatus = DecodeStatus.WAIT_FOR_DATA
    taken: int = 0
    needed: int = 0
    metadata: Answer
    problem: DecodeError | None = None

    @classmethod
    def read(cls, answer: Answer) -> _Decoded:
        _raise_exception(answer)
        if "error" in answer:
            offset = answer.number("offset") if "offset" in answer else None
            problem = DecodeError(answer.text("reason"), path=answer.text("path", ""), offset=offset)
            return cls(metadata=answer, problem=problem)
        said = cls(
            status=answer.choice("status", DecodeStatus.__members__),
            taken=answer.number("taken", 0),
            needed=answer.number("needed", 0),
            metadata=answer.part("metadata"),
        )
        if said.status is DecodeStatus.DONE:
            said.describe(Metadata())  # what is no answer is found out while the answer is read
        return said

    def describe(self, metadata: Metadata) -> None:
        said = self.metadata
        metadata.message_type = said.choice("message_type", MessageType.__members__, metadata.side)
        metadata.response_status = said.choice("response_status", ResponseStatus.__members__, ResponseStatus.OK)
        metadata.request_id = said.number("request_id", 0)
        metadata.stream_id = said.number("stream_id", 0)
        metadata.header_size = said.number("header_size", 0)
        metadata.body_size = said.number("body_size", 0)
        metadata.operation_name = said.text("operation_name", "")
        metadata.objects[_CAN_MUTATE] = said.flag("can_mutate")
        for key, value in said.strings("strings").items():
            metadata[key] = value


def _written(answer: Answer) -> bytes:
    _raise_exception(answer)
    if "error" in answer:
        raise EncodeError(answer.text("reason"), key=answer.text("key", ""))
    return answer.data("data")


def _fields(answer: Answer) -> list[Field]:
    _raise_exception(answer)
    found = []
    for each in answer.items("fields"):
        if not isinstance(each, dict):
            raise BadFrame(f"one of its fields is {each!r}, not an object")
        said = Answer(each)
        value = said.text("value") if "value" in said else None
        shown = None if value is None else Said(value)
        found.append(
            Field(said.text("name"), said.number("start"), said.number("end"), shown, said.text("problem", ""))
        )
    return found


class Said(str):
    """A field's value as the far side shows it, which a dump shows as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _raise_exception(answer: Answer) -> None:
    if answer.text("error", "") == "exception":
        raise ForeignException(answer.text("reason"))


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)
