"""Bodies skipped whole, in pieces and by hand, for the tests of the protocols."""

from __future__ import annotations

from collections.abc import Callable

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.frame import Kind, Transport
from reference_codecs.thrift.limits import Limits
from reference_codecs.thrift.protocol import Begin, Form, Protocol, Walk
from reference_codecs.thrift.strategies import LIMITS

WITHOUT_RUNS = Limits(
    message_size=1 << 24,
    string_size=1 << 24,
    container_size=1 << 20,
    depth=2,
    header_size=1 << 16,
    headers=256,
    decompressed_size=1 << 24,
)
"""Too shallow for runs, so that every value is skipped by hand."""


def walk_of(protocol: Protocol, limits: Limits = LIMITS) -> Walk:
    """A walk of a body that nothing stands before."""
    return Walk(Form(Transport.UNFRAMED, protocol), Begin("", Kind.CALL, 0, 0, 0, 0), limits)


def skipped(protocol: Protocol, body: bytes, limits: Limits = LIMITS) -> int | None:
    """Where the struct at the front of ``body`` ends; None: it goes on."""
    walk = walk_of(protocol, limits)
    return walk.position if protocol.skip(body, 0, walk) else None


def skipped_in_pieces(protocol: Protocol, body: bytes, limits: Limits = LIMITS) -> int | None:
    """The same, byte by byte, never looking before what it waits for is there."""
    walk = walk_of(protocol, limits)
    for end in range(1, len(body) + 1):
        if end > walk.position and protocol.skip(body[:end], 0, walk):
            return walk.position
    return None


def skipped_by_hand(protocol: Protocol, body: bytes, limits: Limits = LIMITS) -> int | None:
    """The same as :func:`skipped`, value by value."""
    walk = walk_of(protocol, limits)
    walk.runs_up_to = 0
    return walk.position if protocol.skip(body, 0, walk) else None


def verdict(skip: Callable[[Protocol, bytes, Limits], int | None], protocol: Protocol, body: bytes) -> int | str:
    """Where the struct ends, and what is said of one that goes on or is refused."""
    try:
        found = skip(protocol, body, LIMITS)
    except DecodeError:
        return "refused"
    return "goes on" if found is None else found
