"""What a message says, as a proxy wants to know it."""

from __future__ import annotations

from collections.abc import Mapping

from metaprotocol_sdk import DecodeError, MessageType, Metadata, ResponseStatus
from reference_codecs.thrift.frame import Kind
from reference_codecs.thrift.header_transport import Header
from reference_codecs.thrift.protocol import Begin, Data, Form, Protocol

KINDS: Mapping[MessageType, Mapping[int, MessageType]] = {
    MessageType.REQUEST: {Kind.CALL: MessageType.REQUEST, Kind.ONEWAY: MessageType.ONEWAY},
    MessageType.RESPONSE: {Kind.REPLY: MessageType.RESPONSE, Kind.EXCEPTION: MessageType.ERROR},
}
"""What each side may send, and what it is."""

FRONT = 16
"""Bytes of a struct that its first field's id is in."""


def describe(metadata: Metadata, form: Form, begin: Begin, struct: Data) -> None:
    """Says what a message begin says, and of a reply how it went.

    Args:
        metadata: The message's.
        form: What it is written in.
        begin: Its begin.
        struct: The front of its struct, :data:`FRONT` bytes where it has as many.

    Raises:
        DecodeError: Its side sends no such message, or its result is none.
    """
    metadata.message_type = message_type_of(metadata, begin.kind)
    metadata.request_id = begin.seqid
    metadata.folded["transport"] = form.transport.value
    metadata.folded["protocol"] = form.protocol.name
    describe_name(metadata, begin.name)
    if begin.kind is Kind.REPLY:
        describe_result(metadata, form.protocol, struct, begin.body)
    elif begin.kind is Kind.EXCEPTION:
        describe_exception(metadata)


def describe_headers(metadata: Metadata, header: Header) -> None:
    """Says the headers of a header block; what the message itself says wins, and the last of several.

    Thrift's servers keep the last too: a route that saw another could be led past.
    """
    own = frozenset(metadata.folded)
    for pair in header.pairs:
        if pair.key.lower() not in own:
            metadata[pair.key] = pair.value


def message_type_of(metadata: Metadata, kind: Kind) -> MessageType:
    """The message type of a kind from the side that sent it.

    Raises:
        DecodeError: That side sends no such kind.
    """
    found = KINDS[metadata.side].get(kind)
    if found is None:
        sender = "client" if metadata.side is MessageType.REQUEST else "server"
        raise DecodeError(f"a {sender} sends no {kind.name}", path="kind")
    return found


def describe_name(metadata: Metadata, name: str) -> None:
    """Says the method, the service of a multiplexed processor, and the operation they are."""
    if ":" in name:
        service, _, method = name.partition(":")
        metadata.folded["service"] = service
        metadata.folded["method"] = method
        metadata.operation_name = f"{service}/{method}"
    else:
        metadata.folded["method"] = metadata.operation_name = name


def describe_result(metadata: Metadata, protocol: Protocol, result: Data, offset: int) -> None:
    """Tells a reply that is an exception of the IDL: to Thrift that is one of a result's fields, and 0 the value.

    Args:
        metadata: The reply's.
        protocol: What it is written in.
        result: The front of its struct.
        offset: Where that is in the message.

    Raises:
        DecodeError: The struct does not begin as one does.
    """
    try:
        field = protocol.result_field(result)
    except (LookupError, ValueError) as error:
        raise DecodeError(f"the result cannot be read: {error}", path="body", offset=offset) from error
    metadata.folded["result"] = "error" if field else "success"


def describe_exception(metadata: Metadata) -> None:
    """Says that a reply is a TApplicationException."""
    metadata.folded["result"] = "exception"
    metadata.response_status = ResponseStatus.ERROR
