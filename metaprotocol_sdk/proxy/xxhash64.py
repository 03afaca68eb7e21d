"""xxHash64, the hash Envoy balances by: the XXH64 of the xxHash specification, version 0.2.0.

```
input:  stripes of 32 bytes, four lanes of 8 each | then words of 8 | then one of 4 | then single bytes
        all little-endian, all arithmetic modulo 2**64
```

In Python, about 30 ns a byte: meant for keys, not for bodies.
"""

from __future__ import annotations

import struct

_P1 = 0x9E3779B185EBCA87
_P2 = 0xC2B2AE3D27D4EB4F
_P3 = 0x165667B19E3779F9
_P4 = 0x85EBCA77C2B2AE63
_P5 = 0x27D4EB2F165667C5
_MASK = 0xFFFF_FFFF_FFFF_FFFF
_STRIPE = struct.Struct("<4Q")
_WORD = struct.Struct("<Q")
_HALF = struct.Struct("<I")


def xxhash64(data: bytes, seed: int = 0) -> int:
    """The 64-bit hash of ``data``, the same in every process and on every machine."""
    size = len(data)
    digest, at = _stripes(data, seed) if size >= 32 else (seed + _P5, 0)
    digest = (digest + size) & _MASK
    while at + 8 <= size:
        digest ^= _round(0, _WORD.unpack_from(data, at)[0])
        digest = (_rotated(digest, 27) * _P1 + _P4) & _MASK
        at += 8
    if at + 4 <= size:
        digest ^= _HALF.unpack_from(data, at)[0] * _P1 & _MASK
        digest = (_rotated(digest, 23) * _P2 + _P3) & _MASK
        at += 4
    for byte in data[at:]:
        digest ^= byte * _P5 & _MASK
        digest = _rotated(digest, 11) * _P1 & _MASK
    digest = (digest ^ digest >> 33) * _P2 & _MASK
    digest = (digest ^ digest >> 29) * _P3 & _MASK
    return digest ^ digest >> 32


def _stripes(data: bytes, seed: int) -> tuple[int, int]:
    """The hash of all whole stripes, and where they end."""
    one, two, three, four = (seed + _P1 + _P2) & _MASK, (seed + _P2) & _MASK, seed, (seed - _P1) & _MASK
    end = len(data) & ~31
    for lanes in _STRIPE.iter_unpack(memoryview(data)[:end]):
        one, two = _round(one, lanes[0]), _round(two, lanes[1])
        three, four = _round(three, lanes[2]), _round(four, lanes[3])
    digest = _rotated(one, 1) + _rotated(two, 7) + _rotated(three, 12) + _rotated(four, 18)
    for lane in (one, two, three, four):
        digest = ((digest ^ _round(0, lane)) * _P1 + _P4) & _MASK
    return digest, end


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _P2) & _MASK, 31) * _P1 & _MASK


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK
