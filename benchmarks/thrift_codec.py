"""What reading a Thrift message costs, beside the libraries that read them, as ratios in one run.

    python benchmarks/thrift_codec.py [--rounds 15]

Framed binary: the whole decode of a call, with its Buffer and Metadata, beside a message begin read by thriftpy2's
Cython protocol, by Apache's accelerated one, and by construct.

Unframed: the struct of a call skipped with every limit on, beside thriftpy2's
Cython protocol parsing it; ``Item`` and ``Tree`` are of ``../shared/peers/thrift/hello.thrift`` where that is there.

In pieces: an unframed message of about 1 MiB that comes 1000 bytes at a time, beside the same in one piece.

Rounds are interleaved and each ratio is taken inside its round, so that a noisy machine disturbs both sides alike. The
figure is the median of the rounds, beside the smallest and the largest.
"""

from __future__ import annotations

import argparse
import statistics
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import thriftpy2
from construct import Bytes, Const, Int8ub, Int32sb, Int32ub, Struct, this
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated
from thrift.transport.TTransport import TMemoryBuffer
from thriftpy2.protocol.cybin import TCyBinaryProtocol
from thriftpy2.transport.memory import TCyMemoryBuffer

from metaprotocol_sdk import Buffer, Decoder, MessageType, Metadata
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import FRAME, Kind, Transport, Type
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Form, Walk
from reference_codecs.thrift.strategies import LIMITS, Fields, Value, Wire, write_message, write_struct

ROOT = Path(__file__).parents[1]
HELLO = ROOT.parent / "shared" / "peers" / "thrift" / "hello.thrift"
SHOP = ROOT / "tests" / "reference_codecs" / "thrift" / "peers" / "shop.thrift"
CALLS = 2000
LARGE_CALLS = 1
PIECE = 1000
BEGIN = BINARY.write_begin("hello", Kind.CALL, 7)
CALL = BEGIN + bytes.fromhex("0b 0001 00000005 776f726c64 00")
FRAMED = FRAME.pack(len(CALL)) + CALL
_DECLARED = Struct(
    "length" / Int32ub,
    "version" / Const(b"\x80\x01\x00"),
    "kind" / Int8ub,
    "size" / Int32ub,
    "name" / Bytes(this.size),
    "seqid" / Int32sb,
)
_SIXTEEN = struct.Struct(">IIII")
_FORM = Form(Transport.UNFRAMED, BINARY)
_CODEC = ThriftCodec()

Task = Callable[[], object]


def seconds(task: Task, calls: int) -> float:
    """The time one call takes."""
    start = time.perf_counter()
    for _ in range(calls):
        task()
    return (time.perf_counter() - start) / calls


def decode() -> object:
    """Ours, as a proxy calls it."""
    return _CODEC.decode(Buffer(FRAMED), Metadata(MessageType.REQUEST, codec="thrift"))


def thriftpy2_begin() -> object:
    """thriftpy2's Cython protocol."""
    return TCyBinaryProtocol(TCyMemoryBuffer(CALL)).read_message_begin()


def apache_begin() -> object:
    """Apache's accelerated protocol."""
    return TBinaryProtocolAccelerated(TMemoryBuffer(CALL)).readMessageBegin()


def skip(body: bytes) -> Task:
    """Skips a struct as an unframed message's is skipped."""
    begin = BINARY.read_begin(BEGIN + body, 0, len(BEGIN) + len(body), 0)
    data = BEGIN + body

    def task() -> object:
        return BINARY.skip(data, 0, Walk(_FORM, begin, LIMITS))

    assert task()
    return task


def parse(body: bytes, kind: Any) -> Task:
    """Parses the same struct with thriftpy2."""

    def task() -> object:
        value = kind()
        TCyBinaryProtocol(TCyMemoryBuffer(body)).read_struct(value)
        return value

    return task


def written(value: Any) -> bytes:
    """The struct as thriftpy2 writes it."""
    memory = TCyMemoryBuffer()
    protocol = TCyBinaryProtocol(memory)
    protocol.write_struct(value)
    memory.flush()
    return bytes(memory.getvalue())


def structs() -> dict[str, Any]:
    """Structs to skip and parse, by name."""
    shop = thriftpy2.load(str(SHOP), "shop_thrift")
    part = shop.Item(id=1, name="lid", flags=[True, False], stock={"here": 3}, sizes=[1, 2], price=1.5, sold=True)
    found = {"shop.Item": shop.Item(id=7, name="kettle", stock={"here": 4, "there": 5}, parts=[part, part], shelf=3)}
    if HELLO.is_file():
        hello = thriftpy2.load(str(HELLO), "hello_thrift")
        item = hello.Item(
            id=42, name="item", price=2.5, tags=["", "a", "bb"], counts={"x": -1, "y": 1 << 40}, nums=[3, -5, 7],
            blob=bytes(4), flag=True, b=-3, s=-300, color=7, far="far away",
        )  # fmt: skip
        grid, bits = [[1, -1], [], [1 << 40]], [True, False, False, True]
        found["Item"] = item
        found["Tree"] = hello.Tree(v=1, items=[item, hello.Item(id=1)], by_id={7: item}, grid=grid, bits=bits)
    return found


def listen(data: bytes, piece: int) -> Task:
    """Decodes a message that comes in pieces, as a proxy does."""
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]

    def task() -> object:
        decoder, found = Decoder(_CODEC, MessageType.REQUEST), None
        for each in pieces:
            decoder.receive_data(each)
            found = decoder.next_message()
        assert found is not None
        return found

    return task


def large() -> dict[str, bytes]:
    """Structs of about 1 MiB, by what is in them."""
    part: Fields = [(1, (Type.I32, 7)), (2, (Type.STRING, b"kettle")), (3, (Type.LIST, (Type.I64, [1, 2, 3])))]
    values: dict[str, Value] = {
        "one string": (Type.STRING, b"x" * (1 << 20)),
        "strings of 123 B": (Type.LIST, (Type.STRING, [b"x" * 123] * 8192)),
        "small structs": (Type.LIST, (Type.STRUCT, [part] * 16384)),
        "pairs": (Type.MAP, ((Type.I32, Type.STRING), [(number, b"kettle") for number in range(65536)])),
    }
    protocols = (BINARY, COMPACT, JSON)
    return {
        f"{protocol.name}, {name}": write_message(
            Wire(Transport.UNFRAMED, protocol), "put", Kind.CALL, 1, write_struct(protocol, [(1, value)])
        )
        for name, value in values.items()
        for protocol in protocols
    }


def pairs() -> dict[str, tuple[Task, Task]]:
    """What is compared: ours, and theirs."""
    found: dict[str, tuple[Task, Task]] = {
        "framed call / unpack_from of 16 bytes": (decode, lambda: _SIXTEEN.unpack_from(FRAMED)),
        "framed call / thriftpy2's message begin": (decode, thriftpy2_begin),
        "framed call / Apache's message begin": (decode, apache_begin),
        "framed call / construct": (decode, lambda: _DECLARED.parse(FRAMED)),
    }
    for name, value in structs().items():
        body = written(value)
        found[f"{name} of {len(body)} B skipped / thriftpy2 parses it"] = (skip(body), parse(body, type(value)))
    return found


def main() -> None:
    """Runs the rounds and prints a line for each comparison."""
    parser = argparse.ArgumentParser(description="What reading a Thrift message costs")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    compared = pairs()
    in_pieces = {
        f"{name}, {len(data) / 1e6:.1f} MB in pieces / in one": (listen(data, PIECE), listen(data, len(data)))
        for name, data in large().items()
    }
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in (*compared, *in_pieces)}
    for _ in range(rounds):
        for tasks, calls in ((compared, CALLS), (in_pieces, LARGE_CALLS)):
            for name, (ours, theirs) in tasks.items():
                figures[name].append((seconds(ours, calls), seconds(theirs, calls)))
    print(f"{'ours / theirs':<58} {'ours':>11} {'theirs':>11}  ratio (smallest to largest)")
    for name, measured in figures.items():
        ratios = [one / other for one, other in measured]
        ours, theirs = (statistics.median(column) * 1e6 for column in zip(*measured, strict=True))
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{name:<58} {ours:>8.2f} µs {theirs:>8.2f} µs  {spread}")


if __name__ == "__main__":
    main()
