"""One thing tried on a codec: everything a check needs to judge it again, as a value and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from metaprotocol_sdk.conformance.subject import Sample
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation

SCHEMA_VERSION = 1
"""The version of :meth:`Case.to_json`'s form. A case of another version is refused, not guessed at."""

_ENUMS: dict[str, type[MessageType | ResponseStatus]] = {
    "message_type": MessageType,
    "response_status": ResponseStatus,
}


_EVERY_CUT_UP_TO = 96
"""Sizes up to which every place is cut; longer ones are cut everywhere near both ends, and here and there between."""


def nearly_every_cut(size: int) -> tuple[int, ...]:
    """Offsets that cut ``size`` bytes into single ones, except in the middle of what is long."""
    if size <= _EVERY_CUT_UP_TO:
        return tuple(range(1, size))
    front, back = _EVERY_CUT_UP_TO // 2, size - _EVERY_CUT_UP_TO // 4
    return (*range(1, front), *range(front, back, max(1, size // _EVERY_CUT_UP_TO)), *range(back, size))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Case:
    """What one check tries once. Each check says which parts it reads; the others keep their defaults.

    Args:
        side: Who sends ``wire``: REQUEST for a client, RESPONSE for a server.
        wire: The bytes: one message, a stream of several, or anything at all.
        sample: What is known of ``wire`` when it is one valid message; its ``data`` is ``wire``.
        requests: The requests that the replies in ``wire`` answer, in their order.
        cuts: Where ``wire`` is cut, as offsets in ascending order. For split laws they end chunks, for prefix laws they
            are the prefixes' lengths.
        trailing: Bytes that follow ``wire`` in the same read.
        mutation: What encode is asked to change.
        request_id: The id encode is asked to write.
        limit: The codec's ``max_message_size``; None: one byte less than the message.
        expected: The bytes that encode must write; None: not stated.
        others: What the same codec does meanwhile: what another connection carries, or the other exchanges of this one.
    """

    side: MessageType
    wire: bytes
    sample: Sample | None = None
    requests: tuple[bytes, ...] = ()
    cuts: tuple[int, ...] = ()
    trailing: bytes = b""
    mutation: Mutation = NO_MUTATION
    request_id: int | None = None
    limit: int | None = None
    expected: bytes | None = None
    others: tuple[Case, ...] = ()

    @property
    def chunks(self) -> list[bytes]:
        """``wire`` as it arrives, cut at every offset of ``cuts``."""
        edges = [0, *self.cuts, len(self.wire)]
        return [chunk for start, end in pairwise(edges) if (chunk := self.wire[start:end])]

    @property
    def weight(self) -> tuple[int, int, int, bytes]:
        """What makes a case small: fewer bytes first, then fewer cuts, then fewer changes."""
        others = [other.weight for other in self.others]
        size = len(self.wire) + len(self.trailing) + sum(map(len, self.requests)) + sum(other[0] for other in others)
        return size, len(self.cuts) + sum(other[1] for other in others), len(self.mutation), self.wire

    def __repr__(self) -> str:
        # Bodies are long, and whoever draws cases shows each one that fails.
        return f"<Case {self.side.name} {len(self.wire)} bytes, {len(self.others)} others>"

    def to_json(self) -> dict[str, Any]:
        """The case as JSON values; bytes as hex, parts that are not used left out."""
        parts: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "side": self.side.name,
            "wire": self.wire.hex(),
            "sample": None if self.sample is None else _facts_to_json(self.sample),
            "requests": [request.hex() for request in self.requests],
            "cuts": list(self.cuts),
            "trailing": self.trailing.hex(),
            "mutation": [[key, value] for key, value in self.mutation.items()],
            "request_id": self.request_id,
            "limit": self.limit,
            "expected": None if self.expected is None else self.expected.hex(),
            "others": [other.to_json() for other in self.others],
        }
        return {name: value for name, value in parts.items() if value is not None and value not in ([], "")}

    @classmethod
    def from_json(cls, parts: Mapping[str, Any]) -> Case:
        """The case that :meth:`to_json` wrote.

        Raises:
            ConformanceError: It is of another schema version, or not a case.
        """
        version = parts.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ConformanceError(
                f"the case has schema_version {version!r} and this version reads {SCHEMA_VERSION}; run the suite again"
            )
        try:
            return cls._from_parts(parts)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ConformanceError(
                f"the case cannot be read ({type(error).__name__}: {error}); run the suite again to save a new one"
            ) from error

    @classmethod
    def _from_parts(cls, parts: Mapping[str, Any]) -> Case:
        wire = bytes.fromhex(parts["wire"])
        facts = parts.get("sample")
        return cls(
            side=MessageType[parts["side"]],
            wire=wire,
            sample=None if facts is None else _sample_from_json(wire, facts),
            requests=tuple(bytes.fromhex(request) for request in parts.get("requests", ())),
            cuts=tuple(int(cut) for cut in parts.get("cuts", ())),
            trailing=bytes.fromhex(parts.get("trailing", "")),
            mutation=Mutation((key, value) for key, value in parts.get("mutation", ())),
            request_id=parts.get("request_id"),
            limit=parts.get("limit"),
            expected=bytes.fromhex(parts["expected"]) if "expected" in parts else None,
            others=tuple(cls.from_json(other) for other in parts.get("others", ())),
        )


def _facts_to_json(sample: Sample) -> dict[str, Any]:
    return {
        name: dict(value) if name == "strings" else value.name if name in _ENUMS else value
        for name, value in sample.facts.items()
    }


def _sample_from_json(wire: bytes, facts: Mapping[str, Any]) -> Sample:
    read: dict[str, Any] = {name: _ENUMS[name][value] if name in _ENUMS else value for name, value in facts.items()}
    return Sample(wire, **read)
