"""Descriptions: kinds by side, services, results."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError, MessageType, Metadata, ResponseStatus
from reference_codecs.thrift.binary import BINARY, NON_STRICT
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.description import describe_name, message_type_of
from reference_codecs.thrift.frame import Kind, Transport, Type
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Protocol
from reference_codecs.thrift.strategies import Wire, write_message, write_struct
from tests.reference_codecs.thrift.helpers import REQUEST, RESPONSE, read

PROTOCOLS = [BINARY, NON_STRICT, COMPACT, JSON]
NAMES = ["binary", "non-strict", "compact", "json"]


@pytest.mark.parametrize(
    ("side", "kind", "found"),
    [
        (REQUEST, Kind.CALL, MessageType.REQUEST),
        (REQUEST, Kind.ONEWAY, MessageType.ONEWAY),
        (RESPONSE, Kind.REPLY, MessageType.RESPONSE),
        (RESPONSE, Kind.EXCEPTION, MessageType.ERROR),
    ],
)
def test_each_kind_is_of_one_side(side: MessageType, kind: Kind, found: MessageType) -> None:
    other = RESPONSE if side is REQUEST else REQUEST
    assert message_type_of(Metadata(side), kind) is found
    with pytest.raises(DecodeError, match=f"sends no {kind.name}"):
        message_type_of(Metadata(other), kind)


@pytest.mark.parametrize(
    ("name", "service", "method", "operation"),
    [
        ("add", None, "add", "add"),
        ("Calculator:add", "Calculator", "add", "Calculator/add"),
        ("com.example.Calculator:add:", "com.example.Calculator", "add:", "com.example.Calculator/add:"),
    ],
)
def test_a_multiplexed_name_has_a_service(name: str, service: str | None, method: str, operation: str) -> None:
    metadata = Metadata()
    describe_name(metadata, name)
    assert (metadata.get("service"), metadata["method"], metadata.operation_name) == (service, method, operation)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
@pytest.mark.parametrize(
    ("field", "result"), [(None, "success"), (0, "success"), (1, "error"), (15, "error"), (16, "error")]
)
def test_a_declared_exception_is_told_from_success(protocol: Protocol, field: int | None, result: str) -> None:
    struct = write_struct(protocol, [] if field is None else [(field, (Type.STRUCT, []))])
    for transport in (Transport.FRAMED, Transport.UNFRAMED):
        reply = read(write_message(Wire(transport, protocol), "find", Kind.REPLY, 1, struct), RESPONSE)
        assert reply["result"] == result
        assert reply.response_status is ResponseStatus.OK


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
@pytest.mark.parametrize("struct", [b"\x7f\x00", b"\x08\x80"])
def test_a_result_that_is_no_struct_is_malformed(protocol: Protocol, struct: bytes) -> None:
    data = write_message(Wire(Transport.FRAMED, protocol), "find", Kind.REPLY, 1, struct)
    with pytest.raises(DecodeError, match="in body"):
        read(data, RESPONSE)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=NAMES)
def test_an_application_exception_is_an_error(protocol: Protocol) -> None:
    struct = protocol.write_exception("no", 6)
    reply = read(write_message(Wire(Transport.FRAMED, protocol), "find", Kind.EXCEPTION, 1, struct), RESPONSE)
    assert reply["result"] == "exception"
    assert reply.response_status is ResponseStatus.ERROR
