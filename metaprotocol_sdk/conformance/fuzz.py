"""One codec and any bytes: what a fuzzer calls, and what a test calls a bounded number of times without one.

An input is the side that speaks, how the bytes are cut, and the bytes::

    +--------+--------+---------------
    | side   | cuts   | bytes
    | u8     | u8     |
    +--------+--------+---------------
      even: a client       0: in one read; n: in reads of n bytes
      odd: a server
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from metaprotocol_sdk.conformance.case import Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.conformance.conversation import listen
from metaprotocol_sdk.conformance.laws.bounding import bounds_the_length
from metaprotocol_sdk.conformance.laws.reading import rejects_only_with_decode_error, split_invariance
from metaprotocol_sdk.conformance.laws.writing import passes_through_unchanged
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.vectors.places import vectors_of
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.dump import dump
from metaprotocol_sdk.metadata import MessageType

INVARIANT = (
    "Whatever the bytes and however they are cut, decode gives messages, waits or raises DecodeError; it waits for and "
    "takes no more than max_message_size; the same bytes give the same however they are cut; and what decodes encodes "
    "to the identical bytes."
)
"""What :class:`FuzzTarget` holds a codec to."""

_CONTROL = 2
"""Bytes of an input before those that a peer sends."""
_LIMIT = 128
"""``max_message_size`` where the law of bounds is asked."""
_SIDES = (MessageType.REQUEST, MessageType.RESPONSE)
_MOST_EDITS = 4
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)


class FuzzTarget:
    """Holds one codec to :data:`INVARIANT`: what a fuzzer calls with each input.

    Args:
        subject: The codec. Its strategies are not asked; a side without one is not heard.
        vectors: Where to start from; default the subject's golden vectors.
    """

    def __init__(self, subject: Subject, *, vectors: Iterable[Vector] | None = None) -> None:
        # One codec for all inputs, as in a proxy; and making one may cost more than asking it.
        self._factory = cache(subject.factory)
        self._sides = subject.sides or _SIDES
        self._rewrites = self._factory().rewrites
        self._vectors = tuple(vectors_of(subject).values() if vectors is None else vectors)

    def __call__(self, data: bytes) -> None:
        """Tries one input.

        Raises:
            AssertionError: The codec breaks the invariant; the text has the bytes, field by field.
        """
        case = self._case(data)
        if not case.wire:
            return
        try:
            self._judge(case)
        except Broken as error:
            shown = dump(self._factory(), case.wire[:512], mark=error.at)
            raise AssertionError(
                f"{error}\n\n{case.side.name} bytes, cut at {list(case.cuts)[:12]}:\n{shown}"
            ) from error

    def _judge(self, case: Case) -> None:
        rejects_only_with_decode_error(self._factory, case)
        split_invariance(self._factory, case)
        bounds_the_length(self._factory, replace(case, limit=_LIMIT))
        if self._rewrites:
            return
        codec = self._factory()
        for message in listen(codec.for_connection(), case.side, [case.wire]).messages:
            try:
                passes_through_unchanged(self._factory, Case(side=case.side, wire=message["origin_message"]))
            except NotJudged:  # of a stateful codec, a message need not decode alone
                continue

    def _case(self, data: bytes) -> Case:
        side, step = (*data[:_CONTROL], 0, 0)[:_CONTROL]
        wire = bytes(data[_CONTROL:])
        return Case(
            side=self._sides[side % len(self._sides)],
            wire=wire,
            cuts=tuple(range(step, len(wire), step)) if step else (),
        )

    @property
    def seeds(self) -> list[bytes]:
        """Inputs to start from: each golden vector in one read, and byte by byte."""
        return [
            bytes([self._sides.index(vector.side), step]) + vector.sample.data
            for vector in self._vectors
            if vector.side in self._sides
            for step in (0, 1)
        ]


def mutants(seeds: Sequence[bytes], count: int, *, seed: int = 0) -> Iterator[bytes]:
    """``count`` inputs: the seeds as they are, then seeds with a few faults each; the same for the same ``seed``.

    It knows nothing of which code an input reaches, as atheris does; it is for tests, which must end.
    """
    rng = random.Random(seed)  # noqa: S311 - inputs, not secrets
    known = list(seeds) or [bytes(_CONTROL)]
    for index in range(count):
        if index < len(known):
            yield known[index]
            continue
        data = bytearray(rng.choice(known))
        for _ in range(rng.randint(1, _MOST_EDITS)):
            rng.choice(_EDITS)(data, rng)
        data[: min(_CONTROL, len(data))] = rng.choice(known)[:_CONTROL]
        yield bytes(data)


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _put_number(data: bytearray, rng: random.Random) -> None:
    at, width = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8))
    number = rng.choice(_NUMBERS) & ((1 << 8 * width) - 1)
    data[at : at + width] = number.to_bytes(width, rng.choice(("big", "little")))


def _cut(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    del data[at : at + rng.randint(1, 16)]


def _double(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = data[at : at + rng.randint(1, 64)]


def _put_noise(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.randint(1, 16))


_EDITS: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip, _put_number, _cut, _double, _put_noise)


def run_atheris(target: FuzzTarget, arguments: Sequence[str] | None = None) -> None:
    """Fuzzes with atheris until it finds something or is stopped; it never returns.

    Whoever calls it has imported the codec under ``atheris.instrument_imports()``: what is not instrumented tells the
    fuzzer nothing.

    Args:
        target: What to call.
        arguments: As ``sys.argv``; what follows the program is libFuzzer's, such as ``-runs=10000`` and a folder of
            inputs. The seeds are written into the first folder, when it is empty or not there.
    """
    import atheris  # noqa: PLC0415 - it has wheels for few platforms, and nothing else here needs it

    arguments = list(sys.argv if arguments is None else arguments)
    folder = next((Path(each) for each in arguments[1:] if not each.startswith("-")), None)
    if folder is not None:
        write_seeds(target, folder)
    atheris.Setup(arguments, target)
    atheris.Fuzz()


def write_seeds(target: FuzzTarget, folder: Path) -> None:
    """Writes the target's seeds into a folder of inputs, if it has none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        return
    for index, data in enumerate(target.seeds):
        (folder / f"seed-{index:04}").write_bytes(data)
