"""The law of ``max_message_size``: a codec with a small limit, watched byte by byte."""

from __future__ import annotations

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.case import Case, nearly_every_cut
from metaprotocol_sdk.conformance.check import Broken, Factory, NotJudged, broken
from metaprotocol_sdk.conformance.conversation import decode, parties, whole_message
from metaprotocol_sdk.exceptions import ConformanceError, DecodeError
from metaprotocol_sdk.metadata import Metadata

_ANY_HEADER = 64
"""Bytes that a codec may wait for before it has read what a message declares; few headers are larger."""


def bounds_the_length(factory: Factory, case: Case) -> None:
    """A message over max_message_size is refused, by the end of its header where a length is declared; WAIT is never
    the answer to more bytes than the limit.
    """
    if case.limit is None:
        _check_message(factory, case)
    else:
        _check_stream(factory, case, case.limit)


def _check_message(factory: Factory, case: Case) -> None:
    """A valid message is refused by a codec whose limit is one below its size.

    Raises:
        Broken: It is taken, waited for, or refused later than its header tells.
        NotJudged: The message is too small to have a limit below it.
    """
    codec = factory()
    metadata = whole_message(parties(codec, case).reader, case.side, case.wire)
    size = len(metadata.origin_message)
    skips, limit = len(case.wire) - size, size - 1
    if not limit:
        raise NotJudged("its messages are one byte long: no limit is below that")
    by = metadata.header_size if _declares_its_length(codec, case, metadata) else size
    reader = parties(_limited(factory, limit), case).reader
    buffer = Buffer(case.wire[:skips])
    have = 0
    for end in (*nearly_every_cut(size), size):
        buffer.append(case.wire[skips + have : skips + end])
        have = end
        try:
            status = decode(reader, case.side, buffer).status
        except (DecodeError, Broken):  # a fault other than DecodeError ends the connection too, and has its own law
            return
        if status is DecodeStatus.DONE:
            broken(
                f"with max_message_size={limit} decode took a message of {size} bytes; it raises MessageTooLarge",
                at=skips + end - 1,
            )
        _check_wait(len(buffer), buffer.needed, limit, header=metadata.header_size or _ANY_HEADER, at=skips + end - 1)
        if have >= by:
            broken(
                f"with max_message_size={limit} decode still waits after {have} bytes of a message whose first "
                f"{by} bytes declare {size}; it raises MessageTooLarge as soon as it knows",
                at=skips + end - 1,
            )


def _check_stream(factory: Factory, case: Case, limit: int) -> None:
    """Whatever comes, no message over the limit is taken, and no more than the limit is waited on.

    Raises:
        Broken: It is.
    """
    reader = parties(_limited(factory, limit), case).reader
    buffer = Buffer()
    fed = 0
    for chunk in case.chunks:
        buffer.append(chunk)
        fed += len(chunk)
        while buffer:
            try:
                answer = decode(reader, case.side, buffer)
            except (DecodeError, Broken):
                return
            if answer.status is DecodeStatus.WAIT_FOR_DATA:
                _check_wait(len(buffer), buffer.needed, limit, header=_ANY_HEADER, at=fed - 1)
                break
            size = len(answer.metadata.origin_message)
            if size > limit:
                broken(
                    f"with max_message_size={limit} decode took a message of {size} bytes", at=fed - len(buffer) - size
                )
            if not size:
                return  # DONE that takes nothing is for decodes_one_message and rejects_only_with_decode_error


def _check_wait(have: int, needed: int, limit: int, *, header: int, at: int) -> None:
    if have > limit:
        broken(f"with max_message_size={limit} decode waits for more although {have} bytes are there already", at=at)
    # Waiting for a header that alone is over the limit is no trust in anything declared.
    if needed > max(limit, header):
        broken(
            f"with max_message_size={limit} decode waits for {needed} bytes (buffer.needed): it knows that the message "
            "is too large, and raises MessageTooLarge instead",
            at=at,
        )


def _limited(factory: Factory, limit: int) -> Codec:
    try:
        codec = factory(max_message_size=limit)
    except TypeError as error:
        raise ConformanceError(
            f"the subject's factory does not take max_message_size= ({error}); give Subject the codec's class, or a "
            "function that passes its keyword arguments on"
        ) from error
    if codec.max_message_size != limit:
        broken(
            f"the codec was made with max_message_size={limit} and has {codec.max_message_size}; its __init__ hands "
            "the argument to super().__init__"
        )
    return codec


def _declares_its_length(codec: Codec, case: Case, metadata: Metadata) -> bool:
    """Whether the message's end is known from its header: other bodies, in which no byte is the same, end there too."""
    origin, header = metadata.origin_message, metadata.header_size
    if not 0 < header < len(origin):
        return False
    return all(
        _ends_alike(codec, case, origin[:header] + bytes(byte ^ change for byte in origin[header:]))
        for change in (0x01, 0xFF)
    )


def _ends_alike(codec: Codec, case: Case, data: bytes) -> bool:
    try:
        whole_message(parties(codec, case).reader, case.side, data)
    except (NotJudged, DecodeError):
        return False
    return True
