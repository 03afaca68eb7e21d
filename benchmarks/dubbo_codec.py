"""What reading a Dubbo message costs, as ratios in one run.

    python benchmarks/dubbo_codec.py [--rounds 15]

The whole decode of a call of 100 bytes, with its Buffer and Metadata, beside ``struct.unpack_from`` of its header,
beside construct, and beside every value of it read; then the same with its attachments reached, an argument list
skipped beside the same read, and what encode costs.

Rounds are interleaved and each ratio is taken inside its round, so that a noisy machine disturbs both sides alike. The
figure is the median of the rounds, beside the smallest and the largest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

from construct import Byte, Bytes, Const, Int8ub, Int32ub, Int64ub, PascalString, Struct, this

from metaprotocol_sdk import Buffer, MessageType, Metadata, Mutation
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.frame import HEADER, HEADER_SIZE
from reference_codecs.dubbo.hessian2 import List, Long, Map, Object, Reader, Walker, Writer, write_string_map

CALLS = 2000
_CODEC = DubboCodec()
_TEXTS = ("2.0.2", "com.demo.HelloService", "1.0.0", "sayHello", "Ljava/lang/String;")
_ATTACHMENTS = {"path": "com.demo.HelloService", "group": "g1"}

Task = Callable[[], object]


def _message(*values: bytes) -> bytes:
    body = b"".join(values)
    return HEADER.pack(0xDABB, 0xC2, 0, 7, len(body)) + body


def _written(*values: object) -> bytes:
    writer = Writer()
    for value in values:
        writer.write(value)  # type: ignore[arg-type]
    return bytes(writer)


CALL = _message(_written(*_TEXTS, "world"), write_string_map({"group": "g1"}))
ATTACHED = _message(_written(*_TEXTS, "world"), write_string_map(_ATTACHMENTS | {"x-trace": "abc-123", "tag": "gray"}))
PERSON = Object("com.demo.Person", ("id", "name", "age", "score", "tags"), [Long(7), "Ada", 36, 2.5, None])
ARGUMENTS = _written(PERSON, List([f"item {index}" for index in range(10)]), Map([("k", 1), ("l", "v")]))
_DECLARED = Struct(
    "magic" / Const(b"\xda\xbb"),
    "flags" / Int8ub,
    "status" / Int8ub,
    "request_id" / Int64ub,
    "length" / Int32ub,
    "texts" / PascalString(Byte, "utf8")[5],
    "rest" / Bytes(this.length - 63),
)


def seconds(task: Task) -> float:
    """The time one call takes."""
    start = time.perf_counter()
    for _ in range(CALLS):
        task()
    return (time.perf_counter() - start) / CALLS


def decoded(data: bytes) -> Metadata:
    """Ours, as a proxy calls it."""
    metadata = Metadata(MessageType.REQUEST, codec="dubbo")
    _CODEC.decode(Buffer(data), metadata)
    return metadata


def reached() -> object:
    """Ours, and an attachment."""
    return decoded(ATTACHED).get("x-trace")


def read_whole(data: bytes, start: int) -> Task:
    """Every value made into one of Python."""

    def task() -> object:
        reader = Reader(data, start)
        values = []
        while not reader.is_at_end:
            values.append(reader.read())
        return values

    return task


def skipped() -> object:
    """A list of arguments, walked."""
    walker = Walker(ARGUMENTS)
    while not walker.is_at_end:
        walker.skip()
    return walker


def encoded(**changes: str) -> Task:
    """What encode takes for another id, and a mutation."""
    metadata, mutation = decoded(ATTACHED), Mutation(changes)
    metadata.request_id = 9

    def task() -> object:
        buffer = Buffer()
        _CODEC.encode(metadata, mutation, buffer)
        return buffer

    return task


def pairs() -> dict[str, tuple[Task, Task]]:
    """What is compared: ours, and theirs."""
    unpacked = partial(HEADER.unpack_from, CALL)
    return {
        f"call of {len(CALL)} B / unpack_from of its header": (lambda: decoded(CALL), unpacked),
        "call / construct": (lambda: decoded(CALL), lambda: _DECLARED.parse(CALL)),
        "call / every value read": (lambda: decoded(CALL), read_whole(CALL, HEADER_SIZE)),
        "call and an attachment / every value read": (reached, read_whole(ATTACHED, HEADER_SIZE)),
        f"arguments of {len(ARGUMENTS)} B skipped / read": (skipped, read_whole(ARGUMENTS, 0)),
        "another id / decode": (encoded(), lambda: decoded(ATTACHED)),
        "an attachment more / decode": (encoded(trace="abc"), lambda: decoded(ATTACHED)),
    }


def main() -> None:
    """Runs the rounds and prints a line for each comparison."""
    parser = argparse.ArgumentParser(description="What reading a Dubbo message costs")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    compared = pairs()
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in compared}
    for _ in range(rounds):
        for name, (ours, theirs) in compared.items():
            figures[name].append((seconds(ours), seconds(theirs)))
    print(f"{'ours / theirs':<48} {'ours':>8} {'theirs':>8}  ratio (smallest to largest)")
    for name, measured in figures.items():
        ratios = [one / other for one, other in measured]
        ours, theirs = (statistics.median(column) * 1e6 for column in zip(*measured, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:<48} {ours:>5.2f} µs {theirs:>5.2f} µs  {spread}")


if __name__ == "__main__":
    main()
