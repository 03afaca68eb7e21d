"""A message with attachments changed: every other byte as it was, but for the body's length and the response type."""

from __future__ import annotations

from collections.abc import Iterable

from metaprotocol_sdk import DecodeError, EncodeError, Mutation
from reference_codecs.dubbo.frame import FLAGS_AT, HEADER_SIZE, LENGTH_AT, REQUEST, WITH_ATTACHMENTS
from reference_codecs.dubbo.hessian import Hessian, Tail
from reference_codecs.dubbo.hessian2 import StillInUse, WalkedMap, write_entry, write_string
from reference_codecs.dubbo.serialization import valid

OF_REQUESTS = frozenset({"interface", "method", "version", "dubbo", "parameter_types", "serialization"})
OF_REPLIES = frozenset({"status", "status_name", "response_type", "serialization"})
"""Strings that the frame and the front of the body say. They win over attachments, so none of these says them."""

_NEW_MAP = b"M" + write_string("java.util.HashMap")
"""What a map begins with that is added. Java writes a HashMap without its class, so that this one is known again when
nothing is left in it, and goes."""


def rewrite(message: bytes, mutation: Mutation, serialization: Hessian) -> bytes:
    """The message with the mutation in its attachments.

    Raises:
        EncodeError: It cannot be said: a string of the frame's own, or a value that others refer to.
    """
    _check(message, mutation)
    try:
        tail = serialization.read_tail(message)
    except DecodeError as error:
        raise EncodeError(f"the attachments cannot be reached: {error}") from error
    changed = _changed(message, tail, mutation)
    if changed is None:
        return message
    front = bytearray(message[: tail.start])
    if tail.response_type_at:
        front[tail.response_type_at] += WITH_ATTACHMENTS * (bool(changed) - (tail.end > tail.start))
    length = len(front) + len(changed) + len(message) - tail.end - HEADER_SIZE
    front[LENGTH_AT:HEADER_SIZE] = length.to_bytes(4, "big")
    return b"".join((front, changed, memoryview(message)[tail.end :]))


def _check(message: bytes, mutation: Mutation) -> None:
    own = OF_REQUESTS if message[FLAGS_AT] & REQUEST else OF_REPLIES
    for key, value in mutation.items():
        if key.lower() in own:
            raise EncodeError("it says what the message is; it is read from it and cannot be changed", key=key)
        for text in (key, value or ""):
            if valid(text) != text:
                raise EncodeError("it is no valid Unicode, which another reader would see otherwise", key=key)


def _changed(message: bytes, tail: Tail, mutation: Mutation) -> bytes | None:
    """What stands in place of the attachments, empty for none; None: what stood there."""
    if tail.found is None:
        added = _entries(mutation.items())
        return _NEW_MAP + added + b"Z" if added else None
    changes, left = _changes(tail.found, mutation)
    added = _entries(left)
    if not changes and not added:
        return None
    try:
        changed = tail.found.rewrite(message, changes, added)
    except StillInUse as error:
        raise EncodeError(f"an attachment that it changes is part of another value: {error}") from error
    return b"" if changed == _NEW_MAP + b"Z" else changed


_Pairs = Iterable[tuple[str, str | None]]


def _changes(found: WalkedMap, mutation: Mutation) -> tuple[dict[int, bytes | None], _Pairs]:
    """By entry its new value or None, and what of the mutation names no entry."""
    folded = mutation.folded
    seen: set[str] = set()
    changes: dict[int, bytes | None] = {}
    for index, entry in enumerate(found.entries):
        key = None if entry.key is None else valid(entry.key).lower()
        if key not in folded:
            continue
        new = None if key in seen else folded[key][1]
        seen.add(key)
        if new is None or new != entry.value:
            changes[index] = None if new is None else write_string(new)
    return changes, [pair for key, pair in folded.items() if key not in seen]


def _entries(pairs: _Pairs) -> bytes:
    return b"".join([write_entry(key, value) for key, value in pairs if value is not None])
