"""The libraries of real peers without a connection: what they write of a message, and what they understand of bytes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from typing import Any, Protocol

from thrift.Thrift import TApplicationException
from thrift.transport.TTransport import TMemoryBuffer
from thriftpy2.thrift import TApplicationException as Py2Exception
from thriftpy2.transport.memory import TMemoryBuffer as Py2Memory

from metaprotocol_sdk import Metadata
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.frame import Kind
from tests.reference_codecs.thrift.helpers import REQUEST, RESPONSE, listen, written
from tests.reference_codecs.thrift.peers import apache, py2
from tests.reference_codecs.thrift.processes import SCRIPTS, environment

SIDES = {Kind.CALL: REQUEST, Kind.ONEWAY: REQUEST, Kind.REPLY: RESPONSE, Kind.EXCEPTION: RESPONSE}


@dataclass(frozen=True)
class Message:
    """A message of the shop. A struct is a dict of the fields that are set, a set a sorted list, an exception text."""

    name: str
    kind: int
    seqid: int
    value: Any


class Library(Protocol):
    """A peer's library."""

    name: str

    def write(self, form: str, message: Message, headers: dict[str, str]) -> bytes:
        """What it writes."""

    def read(self, form: str, data: bytes) -> tuple[Message, dict[str, str]]:
        """What it understands."""


def plain(value: Any) -> Any:
    """A library's value as a message has it."""
    if isinstance(value, (TApplicationException, Py2Exception)):
        return value.message
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, set):
        return sorted(value)
    if isinstance(value, list):
        return [plain(each) for each in value]
    if hasattr(value, "thrift_spec"):
        fields = {key: plain(each) for key, each in vars(value).items() if each is not None}
        return fields | ({"sizes": sorted(fields["sizes"])} if "sizes" in fields else {})
    return value


def built(message: Message, item: Any, sold_out: Any, set_of: Any) -> dict[str, Any]:
    """A message's fields as a library has them: with structs of its classes."""

    def an_item(fields: dict[str, Any]) -> Any:
        sizes = {"sizes": set_of(fields["sizes"])} if "sizes" in fields else {}
        parts = {"parts": [an_item(each) for each in fields["parts"]]} if "parts" in fields else {}
        return item(**(fields | sizes | parts))

    if message.name.endswith("echo"):
        return {key: an_item(fields) for key, fields in message.value.items()}
    return {key: sold_out(**each) if key == "sold" else each for key, each in message.value.items()}


class Apache:
    """Apache Thrift for Python."""

    name = "apache"

    def write(self, form: str, message: Message, headers: dict[str, str]) -> bytes:
        """What it writes."""
        memory = TMemoryBuffer()
        protocol = apache.protocol_over(memory, form)
        apache.set_headers(protocol, headers)
        if message.kind == Kind.EXCEPTION:
            body: Any = TApplicationException(6, message.value)
        else:
            table = apache.RESULTS if message.kind == Kind.REPLY else apache.ARGUMENTS
            body = table[message.name.rpartition(":")[2]](**built(message, apache.Item, apache.SoldOut, set))
        apache.send(protocol, message.name, message.kind, message.seqid, body)
        data: bytes = memory.getvalue()
        return data

    def read(self, form: str, data: bytes) -> tuple[Message, dict[str, str]]:
        """What it understands; nothing may be left."""
        memory = TMemoryBuffer(data)
        protocol = apache.protocol_over(memory, form)
        name, kind, seqid, body = apache.receive(protocol)
        assert not memory.read(1)
        return Message(name, kind, seqid, plain(body)), apache.headers_of(protocol)


class Py2:
    """thriftpy2."""

    name = "py2"

    def write(self, form: str, message: Message, headers: dict[str, str]) -> bytes:
        """What it writes."""
        memory = Py2Memory()
        protocol = py2.protocol_over(memory, form)
        protocol.write_message_begin(message.name, message.kind, message.seqid)
        if message.kind == Kind.EXCEPTION:
            body: Any = Py2Exception(6, message.value)
        else:
            body = self._struct(message)(**built(message, py2.shop.Item, py2.shop.SoldOut, list))
        protocol.write_struct(body)
        protocol.write_message_end()
        protocol.trans.flush()
        data: bytes = memory.getvalue()
        return data

    def read(self, form: str, data: bytes) -> tuple[Message, dict[str, str]]:
        """What it understands."""
        protocol = py2.protocol_over(Py2Memory(data), form)
        name, kind, seqid = protocol.read_message_begin()
        message = Message(name, kind, seqid, {})
        body = Py2Exception() if message.kind == Kind.EXCEPTION else self._struct(message)()
        protocol.read_struct(body)
        return replace(message, value=plain(body)), {}

    @staticmethod
    def _struct(message: Message) -> Any:
        suffix = "result" if message.kind == Kind.REPLY else "args"
        return getattr(py2.shop.Shop, f"{message.name.rpartition(':')[2]}_{suffix}")


LIBRARIES: list[Library] = [Apache(), Py2()]


def npm(mode: str, messages: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Messages of npm's library, as ``messages.js`` has them."""
    command = ["node", "--no-deprecation", str(SCRIPTS / "messages.js"), mode]
    said = json.dumps(messages).encode()
    done = subprocess.run(command, input=said, capture_output=True, env=environment(), check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def is_json(form: str) -> bool:
    """Whether a form is of the JSON protocol, which cannot be written in another one, nor another in it."""
    return form.endswith("json")


def codec_for(target: str) -> ThriftCodec:
    """The codec that writes requests in a form."""
    transport, protocol = target.split()
    return ThriftCodec(upstream_transport=transport, upstream_protocol="same" if is_json(target) else protocol)


def decoded(library: Library, form: str, message: Message, codec: ThriftCodec, step: int = 1 << 20) -> Metadata:
    """What the codec makes of a message that comes in pieces."""
    data = library.write(form, message, {})
    (metadata,) = listen(data, SIDES[Kind(message.kind)], step, codec)
    assert metadata.origin_message == data
    return metadata


def rewritten(metadata: Metadata, target: str, seqid: int) -> bytes:
    """A message as the codec writes it in a form, a reply for a client of that form."""
    codec = codec_for(target)
    if metadata.side is RESPONSE:
        metadata.request = decoded(Apache(), target, Message("noted", Kind.CALL, 1, {"text": ""}), codec)
    metadata.request_id = seqid
    return written(metadata, codec)
