from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.admin.operated import HistogramValue
from metaprotocol_sdk.proxy.admin.quantiles import QUANTILES, quantile, quantiles

HISTOGRAM = HistogramValue(bounds=(1, 10, 100), counts=(2, 0, 2, 0), total=50.0)


@pytest.mark.parametrize(("percent", "value"), [(0, 0), (25, 0.5), (50, 1), (75, 55), (100, 100)])
def test_values_are_spread_evenly_over_their_bucket(percent: float, value: float) -> None:
    assert quantile(HISTOGRAM, percent) == pytest.approx(value)


def test_what_is_above_every_bound_counts_as_the_highest() -> None:
    assert quantile(HistogramValue(bounds=(1, 10), counts=(0, 0, 5), total=99.0), 50) == 10


def test_without_values_there_is_no_quantile() -> None:
    assert quantiles(HistogramValue(bounds=(1, 10), counts=(0, 0, 0), total=0.0)) == []


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4).filter(any))
def test_quantiles_rise_and_lie_within_the_bounds(counts: list[int]) -> None:
    found = list(quantiles(HistogramValue(bounds=(1, 10, 100), counts=tuple(counts), total=0.0)))
    assert len(found) == len(QUANTILES)
    assert found == sorted(found)
    assert found[0] >= 0
    assert found[-1] <= 100
