"""What declaring a frame costs: decode time per message, as ratios in one run.

    python benchmarks/framing.py [--rounds 15] [--json]

Four codecs of one protocol (awesomerpc's header) fill the same Metadata through the same Buffer:

* ``framed``: the FramedCodec, as an author declares it;
* ``by hand``: ``struct`` and nothing else, as an expert would write it;
* ``construct``: the header parsed by construct;
* ``compiled``: the header parsed by construct's compiled form.

Rounds are interleaved and each ratio is taken inside its round, so that a noisy machine disturbs both sides alike. The
figure is the median of the rounds, beside the smallest and the largest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import time
from collections.abc import Callable
from typing import Any

from construct import Int8sb, Int16sb, Int32ub, Struct

from metaprotocol_sdk import (
    Buffer,
    Codec,
    DecodeError,
    DecodeStatus,
    Error,
    MessageTooLarge,
    MessageType,
    Metadata,
    Mutation,
    ResponseStatus,
)
from reference_codecs.awesomerpc.codec import AwesomerpcCodec

_HEADER = struct.Struct(">bIIhh")
_SIZE = _HEADER.size
_DECLARED = Struct(
    "version" / Int8sb, "pack_flow" / Int32ub, "pack_len" / Int32ub, "req_cmd" / Int16sb, "rsp_code" / Int16sb
)
_COMPILED = _DECLARED.compile()

TARGETS = {"framed / by hand": 1.5, "construct / framed": 6.0, "1 MiB in 1 kB pieces / in one": 3.0}


class ByHand(Codec):
    """awesomerpc over ``struct``."""

    name = "by_hand"

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """See Codec."""
        have = len(buffer)
        if have < _SIZE:
            buffer.needed = _SIZE
            return DecodeStatus.WAIT_FOR_DATA
        data, start = buffer.front(_SIZE)
        _, flow, total, cmd, code = _HEADER.unpack_from(data, start)
        if total > self.max_message_size:
            raise MessageTooLarge(total, self.max_message_size)
        if total < _SIZE:
            raise DecodeError(f"pack_len is {total}")
        if have < total:
            buffer.needed = total
            return DecodeStatus.WAIT_FOR_DATA
        metadata.origin_message = buffer.drain(total)
        metadata.request_id = flow
        metadata.header_size = _SIZE
        metadata.body_size = total - _SIZE
        metadata.folded["cmd"] = str(cmd)
        metadata.operation_name = f"cmd/{cmd}"
        if code:
            metadata.response_status = ResponseStatus.ERROR
        return DecodeStatus.DONE

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:  # noqa: ARG002
        """See Codec."""
        buffer.append(metadata.origin_message)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """See Codec."""
        raise AssertionError((metadata, error, buffer))


class ByConstruct(ByHand):
    """awesomerpc over construct."""

    name = "by_construct"
    parse: Callable[[bytes], Any] = staticmethod(_DECLARED.parse)

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        """See Codec."""
        have = len(buffer)
        if have < _SIZE:
            buffer.needed = _SIZE
            return DecodeStatus.WAIT_FOR_DATA
        header = self.parse(buffer.peek(_SIZE))
        if not _SIZE <= header.pack_len <= self.max_message_size:
            raise DecodeError(f"pack_len is {header.pack_len}")
        if have < header.pack_len:
            buffer.needed = header.pack_len
            return DecodeStatus.WAIT_FOR_DATA
        metadata.origin_message = buffer.drain(header.pack_len)
        metadata.request_id = header.pack_flow
        metadata.header_size = _SIZE
        metadata.body_size = header.pack_len - _SIZE
        metadata["cmd"] = str(header.req_cmd)
        metadata.operation_name = f"cmd/{header.req_cmd}"
        if header.rsp_code:
            metadata.response_status = ResponseStatus.ERROR
        return DecodeStatus.DONE


class ByCompiled(ByConstruct):
    """awesomerpc over construct's compiled form."""

    name = "by_compiled"
    parse = staticmethod(_COMPILED.parse)


CODECS: dict[str, Codec] = {
    "framed": AwesomerpcCodec(),
    "by hand": ByHand(),
    "construct": ByConstruct(),
    "compiled": ByCompiled(),
}
CASES = {  # name: (message bytes, bytes a piece, messages a round)
    "100 B, whole": (100, 100, 4000),
    "100 B, in 2 pieces": (100, 50, 3000),
    "100 B, 16 in one read": (100, 1600, 4000),
    "4 kB, whole": (4096, 4096, 3000),
    "4 kB, in 1 kB pieces": (4096, 1024, 2000),
    "1 MiB, in one piece": (1 << 20, 1 << 20, 400),
    "1 MiB, in 64 kB pieces": (1 << 20, 1 << 16, 30),
    "1 MiB, in 1 kB pieces": (1 << 20, 1 << 10, 12),
}


def decode_all(codec: Codec, pieces: list[memoryview], messages: int) -> float:
    """Microseconds a message, for ``messages`` of them that arrive in ``pieces``, over and over.

    Each piece is made into ``bytes`` when it arrives, as reading from a socket does, and that is part of the figure:
    a large message costs its copying, however it comes.
    """
    decode, buffer, done = codec.decode, Buffer(), 0
    complete, request = DecodeStatus.DONE, MessageType.REQUEST
    start = time.perf_counter_ns()
    while done < messages:
        for piece in pieces:
            buffer.append(bytes(piece))
            if len(buffer) < buffer.needed:
                continue
            while decode(buffer, Metadata(request)) is complete:
                done += 1
                if not buffer:
                    break
    return (time.perf_counter_ns() - start) / 1000 / done


def pieces_of(size: int, piece: int) -> list[memoryview]:
    """One message, or several, cut into reads."""
    frame = AwesomerpcCodec.frame
    message = frame.build(b"x" * (size - _SIZE), request_id=7, req_cmd=3)
    stream = memoryview(message * max(1, piece // size))
    return [stream[at : at + piece] for at in range(0, len(stream), piece)]


def measure(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Microseconds a message by case and codec, one figure a round."""
    times: dict[str, dict[str, list[float]]] = {case: {name: [] for name in CODECS} for case in CASES}
    for _ in range(rounds):
        for case, (size, piece, messages) in CASES.items():
            pieces = pieces_of(size, piece)
            for name, codec in CODECS.items():
                times[case][name].append(decode_all(codec, pieces, messages))
    return times


def ratios(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """Median, smallest and largest of the rounds' ratios."""
    each = [a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(each), min(each), max(each)


def show(times: dict[str, dict[str, list[float]]]) -> None:
    """Prints the tables."""
    print(f"{'decode, µs a message (median)':32}" + "".join(f"{name:>12}" for name in CODECS))
    for case, by_codec in times.items():
        print(f"{case:32}" + "".join(f"{statistics.median(each):12.2f}" for each in by_codec.values()))
    print(
        f"\n{'ratio, median [min-max]':32}{'framed / by hand':>24}{'construct / framed':>24}{'compiled / framed':>24}"
    )
    for case, by_codec in times.items():
        cells = [
            ratios(by_codec["framed"], by_codec["by hand"]),
            ratios(by_codec["construct"], by_codec["framed"]),
            ratios(by_codec["compiled"], by_codec["framed"]),
        ]
        print(f"{case:32}" + "".join(f"{f'{mid:.2f} [{low:.2f}-{high:.2f}]':>24}" for mid, low, high in cells))
    cut, whole = times["1 MiB, in 1 kB pieces"]["framed"], times["1 MiB, in one piece"]["framed"]
    middle, low, high = ratios(cut, whole)
    print(f"\n1 MiB in 1 kB pieces / in one piece: {middle:.2f} [{low:.2f}-{high:.2f}]")
    print("targets: " + ", ".join(f"{name} {figure}" for name, figure in TARGETS.items()))


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print the raw figures")
    arguments = parser.parse_args()
    times = measure(arguments.rounds)
    if arguments.json:
        print(json.dumps(times))
    else:
        show(times)


if __name__ == "__main__":
    main()
