"""The invariant that fuzzers hold codecs to: right codecs keep it, and each kind of fault breaks it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance import FuzzTarget, Sample, Subject, Vector, find_subject, subject_of
from metaprotocol_sdk.conformance.fuzz import mutants, write_seeds
from metaprotocol_sdk.framing import FramedCodec
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.conformance.right_codecs import RIGHT
from tests.helpers import TinyCodec, tiny

ROOT = Path(__file__).parents[2]
VECTORS = [
    Vector(name=f"v{size}", side=side, sample=Sample(tiny(b"x" * size, request_id=7)))
    for size in (0, 5)
    for side in (MessageType.REQUEST, MessageType.RESPONSE)
]


class Trusts(TinyCodec):
    """Looks at a byte of the body that need not be there."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DecodeStatus.DONE and metadata.response_status:
            metadata["first"] = str(metadata.origin_message[6])
        return status


class TakesAll(TinyCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        metadata.origin_message += buffer.drain(len(buffer)) if status is DecodeStatus.DONE else b""
        return status


class Unbounded(TinyCodec):
    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        limit, self.max_message_size = self.max_message_size, 1 << 30
        try:
            return super().decode(buffer, metadata)
        finally:
            self.max_message_size = limit


class Forgets(TinyCodec):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        buffer.append(tiny(metadata.origin_message[6:], request_id=metadata.request_id))


class Rewrites(Forgets):
    rewrites = True


def subject(codec: Any) -> Subject:
    return Subject(codec, RIGHT["tiny"].requests, RIGHT["tiny"].responses)


def tried(target: FuzzTarget, count: int) -> None:
    for data in mutants(target.seeds, count):
        target(data)


@pytest.mark.parametrize("name", RIGHT)
def test_right_codecs_keep_the_invariant(name: str) -> None:
    target = FuzzTarget(RIGHT[name], vectors=VECTORS)
    for data in mutants(target.seeds, 150):
        target(data)


@pytest.mark.parametrize(
    ("codec", "sentence"),
    [
        (Trusts, "decode raised IndexError"),
        (TakesAll, "message 0 reads otherwise when the bytes come in"),
        (Unbounded, "with max_message_size=128"),
        (Forgets, "nothing changed, and encode wrote"),
    ],
)
def test_each_part_of_the_invariant_is_held(codec: type[TinyCodec], sentence: str) -> None:
    target = FuzzTarget(subject(codec), vectors=VECTORS)
    with pytest.raises(AssertionError) as caught:
        tried(target, 3000)
    assert sentence in str(caught.value)
    assert " bytes, cut at [" in str(caught.value)
    assert "00000000  ab" in str(caught.value)


def test_a_codec_that_rewrites_need_not_write_identical_bytes() -> None:
    target = FuzzTarget(subject(Rewrites), vectors=VECTORS)
    for data in mutants(target.seeds, 200):
        target(data)


def test_the_first_bytes_of_an_input_say_the_side_and_the_cuts() -> None:
    asked: list[tuple[MessageType, int]] = []

    class Listens(TinyCodec):
        def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
            asked.append((metadata.side, len(buffer)))
            return super().decode(buffer, metadata)

    target = FuzzTarget(subject(Listens), vectors=[])
    for data in (b"", b"\0", b"\0\0"):
        target(data)
    assert asked == []
    target(b"\x01\x00" + tiny()[:5])
    assert set(asked) == {(MessageType.RESPONSE, 5)}
    asked.clear()
    target(b"\x02\x02" + tiny()[:5])
    assert set(asked) == {(MessageType.REQUEST, size) for size in (2, 4, 5)}


def test_seeds_are_the_vectors_whole_and_byte_by_byte() -> None:
    target = FuzzTarget(subject(TinyCodec), vectors=VECTORS[:2])
    assert target.seeds == [bytes([side, step]) + tiny(request_id=7) for side in (0, 1) for step in (0, 1)]
    one_sided = FuzzTarget(Subject(TinyCodec, None, RIGHT["tiny"].responses), vectors=VECTORS[:2])
    assert [seed[0] for seed in one_sided.seeds] == [0, 0]


def test_mutants_begin_with_the_seeds_and_are_the_same_for_the_same_seed() -> None:
    seeds = [b"\0\0abc", b"\1\1defgh"]
    drawn = [list(mutants(seeds, 50, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][:2] == seeds
    assert len(set(drawn[0])) > 40
    assert len(list(mutants([], 20))) == 20
    assert {data[:2] for data in itertools.islice(mutants(seeds, 100), 2, None)} <= {b"\0\0", b"\1\1"}


def test_seeds_are_written_once(tmp_path: Path) -> None:
    target = FuzzTarget(subject(TinyCodec), vectors=VECTORS)
    write_seeds(target, tmp_path / "corpus")
    assert sorted(path.read_bytes() for path in (tmp_path / "corpus").iterdir()) == sorted(target.seeds)
    (tmp_path / "corpus" / "seed-0000").write_bytes(b"found by the fuzzer")
    write_seeds(target, tmp_path / "corpus")
    assert (tmp_path / "corpus" / "seed-0000").read_bytes() == b"found by the fuzzer"


@pytest.mark.parametrize("codec", ["awesomerpc", "dubbo", "thrift"])
def test_a_reference_codec_keeps_the_invariant(codec: str) -> None:
    target = FuzzTarget(find_subject(codec))
    assert len(target.seeds) >= 8
    for data in mutants(target.seeds, 1500):
        target(data)


def test_a_codec_that_is_a_frame_alone_can_be_fuzzed() -> None:
    codec = type(find_subject("awesomerpc").factory())
    assert issubclass(codec, FramedCodec)
    target = FuzzTarget(subject_of(codec), vectors=[])
    for data in mutants([b"\0\0" + b"\0" * 13], 200):
        target(data)


@pytest.mark.atheris
@pytest.mark.parametrize("codec", ["awesomerpc", "dubbo", "thrift"])
def test_the_harness_runs_with_atheris(codec: str, tmp_path: Path) -> None:
    pytest.importorskip("atheris", reason="atheris has no wheel for this platform", exc_type=ImportError)
    harness = ROOT / f"tests/reference_codecs/{codec}/fuzz_decode.py"
    done = subprocess.run(
        [sys.executable, str(harness), "-runs=2000", "-seed=1", str(tmp_path / "corpus")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Done 2000 runs" in done.stderr
    # It saw new code in what the vectors lead to, so what it calls is instrumented.
    assert len(list((tmp_path / "corpus").iterdir())) > 8
