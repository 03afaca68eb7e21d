from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.cluster.payload import PayloadMatch

few = st.binary(max_size=12).map(lambda data: bytes(byte % 3 for byte in data))


@given(parts=st.lists(few.filter(bool), max_size=4), pieces=st.lists(few, max_size=8))
@example(parts=[b"\1\1", b"\1"], pieces=[b"\1\1"])
@example(parts=[b"\0\1"], pieces=[b"\0", b"\1"])
def test_parts_are_found_in_their_order_however_the_bytes_come(parts: list[bytes], pieces: list[bytes]) -> None:
    match = PayloadMatch(parts)
    found = [match.receive(piece) for piece in pieces]
    pattern = re.compile(b".*".join(map(re.escape, parts)), re.DOTALL)
    assert found == [pattern.search(b"".join(pieces[: end + 1])) is not None for end in range(len(pieces))]


def test_it_keeps_no_more_than_a_part_of_a_part() -> None:
    match = PayloadMatch([b"abcd"])
    assert not any(match.receive(b"x" * 1000) for _ in range(100))
    assert len(match._tail) == 3
