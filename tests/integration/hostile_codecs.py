"""Codecs that break their contract in one method each, and two that cannot say an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.proxy.codecs import PONG, IdCodec, message


class SilentIdCodec(IdCodec):
    """Has request ids and no way to say an error."""

    name = "silent"

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        pass


class LoudCodec(IdCodec):
    """Answers a heartbeat with ten kilobytes."""

    def heartbeat_reply(self, metadata: Metadata, buffer: Buffer) -> bool:
        buffer.append(message(metadata.request_id, bytes(10_000), kind=PONG))
        return True


class UnmakeableCodec(IdCodec):
    """Cannot be made for a connection while ``is_broken``; counts how often it was asked."""

    is_broken = True

    def for_connection(self) -> Self:
        if UnmakeableCodec.is_broken:
            raise KeyError("for_connection")
        return self


class HalfMadeCodec(IdCodec):
    """Can be made for the first connection, a client's, and for none after it."""

    made = 0

    def for_connection(self) -> Self:
        HalfMadeCodec.made += 1
        if HalfMadeCodec.made > 1:
            raise KeyError("for_connection")
        return self


class Unprintable(Exception):
    """An exception that cannot even be told of."""

    def __str__(self) -> str:
        raise ValueError("no text")


class ExitingCodec(IdCodec):
    """Ends the program, or raises what cannot be printed, where a body says so."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        _explode(metadata, b"decode")
        return status

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        _explode(metadata, b"encode")
        super().encode(metadata, mutation, buffer)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        _explode(metadata, b"on_error")
        super().on_error(metadata, error, buffer)


def _explode(metadata: Metadata, where: bytes) -> None:
    if metadata.origin_message.endswith(b"exit in " + where):
        raise SystemExit(7)
    if metadata.origin_message.endswith(b"unprintable in " + where):
        raise Unprintable


NONSENSE: dict[bytes, Callable[[Any], None]] = {
    b"list id": lambda metadata: setattr(metadata, "request_id", []),
    b"text id": lambda metadata: setattr(metadata, "request_id", "7"),
    b"none id": lambda metadata: setattr(metadata, "request_id", None),
    b"int type": lambda metadata: setattr(metadata, "message_type", 2),
    b"no type": lambda metadata: setattr(metadata, "message_type", None),
}


class NonsenseCodec(IdCodec):
    """Describes messages with what no field takes, where a body says so."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        for body, spoil in NONSENSE.items():
            if metadata.origin_message.endswith(body):
                spoil(metadata)
        return status


class NonsenseRepliesCodec(NonsenseCodec):
    """The same, for replies alone."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        if metadata.message_type is MessageType.RESPONSE:
            return super().decode(buffer, metadata)
        return IdCodec.decode(self, buffer, metadata)
