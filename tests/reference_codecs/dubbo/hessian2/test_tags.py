"""First bytes: each means one thing."""

from __future__ import annotations

from reference_codecs.dubbo.hessian2.tags import (
    BINARIES,
    DIRECT_BINARIES,
    END,
    LISTS,
    NUMBERED,
    REFERENCE,
    SIZES,
    STRINGS,
    by_tag,
)

KNOWN_SIZE = {tag for tag, size in enumerate(SIZES) if size}
UNKNOWN = {0x40, 0x45, 0x47, 0x50}
"""The bytes that the protocol keeps for other times, and packets, which are no values."""


def test_every_byte_means_one_thing() -> None:
    kinds = [STRINGS, BINARIES - set(DIRECT_BINARIES), NUMBERED, KNOWN_SIZE, {REFERENCE}, {END}, UNKNOWN]
    assert sorted(tag for kind in kinds for tag in kind) == list(range(256))


def test_a_table_has_a_place_for_every_byte() -> None:
    table = by_tag({1: "one"}, "other")
    assert (len(table), table[1], set(table)) == (256, "one", {"one", "other"})


def test_lists_say_their_length_in_three_ways() -> None:
    assert [LISTS[0x70 + each].length for each in range(16)] == [*range(8)] * 2
    assert {tag: form.length for tag, form in LISTS.items() if tag < 0x70} == {
        0x55: -1,
        0x56: None,
        0x57: -1,
        0x58: None,
    }
