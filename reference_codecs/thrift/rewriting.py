"""Messages written again: with another sequence id, other headers, or in another transport and protocol."""

from __future__ import annotations

from metaprotocol_sdk import EncodeError, Mutation
from reference_codecs.thrift.frame import FRAME, Transport
from reference_codecs.thrift.header_transport import deflate, mutated_pairs, write_block, write_frame
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.message import Message
from reference_codecs.thrift.protocol import Form, Protocol
from reference_codecs.thrift.reencode import reencode


def rewrite(message: Message, data: bytes, *, seqid: int, mutation: Mutation, target: Form, limits: Limits) -> bytes:
    """The message with that sequence id and that mutation, as the target is; ``data`` itself when that is the same.

    Args:
        message: ``data``, taken apart.
        data: The whole message.
        seqid: Signed 32 bits.
        mutation: Changes of the header transport's headers.
        target: What to write.
        limits: What a header block may not be over, and what a body that is written in another protocol may hold.

    Raises:
        EncodeError: The target cannot say it.
    """
    if not -(1 << 31) <= seqid < 1 << 31:
        raise EncodeError(f"the request id {seqid} is not of 32 bits with a sign")
    content = _content(message, seqid, target.protocol, limits)
    if content is None and target.transport is message.transport and not mutation:
        return data
    if target.transport is Transport.HEADER:
        return _headed(message, data, content, seqid=seqid, mutation=mutation, target=target, limits=limits)
    if mutation:
        raise EncodeError(
            f"a message in the {target.transport} transport has no headers to change; upstream_transport: header "
            "upgrades requests to one that has",
            key=next(iter(mutation)),
        )
    if content is None:
        content = bytes(message.part(message.start, message.end))
    return FRAME.pack(len(content)) + content if target.transport is Transport.FRAMED else content


def _content(message: Message, seqid: int, protocol: Protocol, limits: Limits) -> bytes | None:
    """What the protocol says of the message; None: what it said before."""
    begin = message.begin
    if protocol is not message.protocol:
        body = bytes(message.part(begin.body, message.end))
        if protocol.name != message.protocol.name:  # binary with and without a version differ in the begin alone
            body = reencode(body, message.protocol, protocol, limits)
        return protocol.write_begin(begin.name, begin.kind, seqid) + body
    if seqid == begin.seqid:
        return None
    front, back = message.part(message.start, begin.id_start), message.part(begin.id_end, message.end)
    return b"".join((front, message.protocol.write_seqid(seqid), back))


def _headed(
    message: Message,
    data: bytes,
    content: bytes | None,
    *,
    seqid: int,
    mutation: Mutation,
    target: Form,
    limits: Limits,
) -> bytes:
    header = message.header
    if header is None:
        block = write_block(target.protocol, (), mutated_pairs(data, (), mutation), limits=limits)
        payload = bytes(message.part(message.start, message.end)) if content is None else content
        return write_frame(0, seqid, block, payload)
    if mutation or target.protocol.name != header.protocol.name:
        pairs = mutated_pairs(data, header.pairs, mutation)
        rest = data[header.info_end : header.end]
        if not rest.strip(b"\0"):  # padding, which is written anew; behind other headers nothing tells it from them
            rest = b""
        block = write_block(target.protocol, header.transforms, pairs, rest=rest, limits=limits)
    else:
        block = data[header.block : header.end]
    payload = data[header.end :] if content is None else deflate(content, header.transforms)
    # Some peers keep the message's id in the header too, some leave the header's at 0.
    outer = seqid if header.seqid == message.begin.seqid & 0xFFFFFFFF else header.seqid
    return write_frame(header.flags, outer, block, payload)


def write(target: Form, content: bytes, *, request: Message, limits: Limits) -> bytes:
    """A new reply of that content; a header frame has the sequence id of the request's, and no headers."""
    if target.transport is Transport.HEADER:
        seqid = request.header.seqid if request.header else request.begin.seqid
        return write_frame(0, seqid, write_block(target.protocol, (), [], limits=limits), content)
    return FRAME.pack(len(content)) + content if target.transport is Transport.FRAMED else content
