"""Facts: the test vectors of the xxHash project (its sanity buffer and seeds), and hashes published elsewhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from metaprotocol_sdk.proxy.xxhash64 import xxhash64

PRIME = 2654435761


def sanity_buffer(size: int) -> bytes:
    """As the xxHash project's self-test fills it: the top bytes of repeated squares."""
    data, generator = bytearray(), PRIME
    for _ in range(size):
        data.append(generator >> 24)
        generator = generator * generator & 0xFFFF_FFFF
    return bytes(data)


@pytest.mark.parametrize(
    ("size", "seed", "expected"),
    [
        (0, 0, 0xEF46DB3751D8E999),
        (0, PRIME, 0xAC75FDA2929B17EF),
        (1, 0, 0x4FCE394CC88952D8),
        (1, PRIME, 0x739840CB819FA723),
        (14, 0, 0xCFFA8DB881BC3A3D),
        (14, PRIME, 0x5B9611585EFCC9CB),
        (101, 0, 0x0EAB543384F878AD),
        (101, PRIME, 0xCAA65939306F1E21),
    ],
)
def test_the_projects_own_vectors(size: int, seed: int, expected: int) -> None:
    assert xxhash64(sanity_buffer(size), seed) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_hashes_of_words(data: bytes, expected: int) -> None:
    assert xxhash64(data) == expected


# Recorded from the C library (xxHash 0.8) over sanity_buffer(n): one of each path through stripes, words and rests.
PATHS = {
    3: 0x63E19DE8A52309F9,
    4: 0x9256E58AA397AEF1,
    7: 0xAB48F5CD83BCB62C,
    8: 0xF74CB1451B32B8CF,
    11: 0x4569D4174C3E056E,
    12: 0x68ACCE12687B7E91,
    15: 0x4D0A4120849B3EBF,
    16: 0x169173A697113B29,
    31: 0xAD09D9A6941DD847,
    32: 0xAF5753D39159EDEE,
    33: 0x6711CBDD8543BAA8,
    36: 0x2D1539069A26C8D8,
    40: 0x0BAB04D3F1769013,
    44: 0x287ECF53DAC96309,
    47: 0x3419F19DB86022B0,
    63: 0xFF4410E17CE11EFA,
    64: 0x18F5388F1D2BA08C,
    95: 0xFEB11A151A177FCE,
    96: 0x40B5CFC63CCF980E,
    255: 0xA70F8DBF64AC54C5,
}


@pytest.mark.parametrize(("size", "expected"), PATHS.items())
def test_every_path_through_stripes_words_and_rests(size: int, expected: int) -> None:
    assert xxhash64(sanity_buffer(size)) == expected


def test_every_process_hashes_alike() -> None:
    program = "from metaprotocol_sdk.proxy.xxhash64 import xxhash64; print(xxhash64(b'key'))"
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert found == {b"%d\n" % xxhash64(b"key")}
