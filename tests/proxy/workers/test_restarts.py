"""How long a worker that has died stays away."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.workers.restarts import FIRST_DELAY, LIVED, LONGEST_DELAY, BackOff


@given(st.lists(st.floats(0, LIVED * 2, allow_nan=False), max_size=40), st.integers(0, 9))
def test_a_delay_doubles_with_every_early_death_up_to_a_limit(lives: list[float], seed: int) -> None:
    back_off = BackOff(random.Random(seed))
    failures = 0
    for lived in lives:
        failures = 0 if lived >= LIVED else failures
        least = min(FIRST_DELAY * 2**failures, LONGEST_DELAY)
        assert least <= back_off.delay(lived) <= least * 1.5
        failures += 1
        assert back_off.failures == failures
