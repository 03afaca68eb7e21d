from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.comparison.figures import Figure, common_rate, ratio

POSITIVE = st.floats(min_value=0.001, max_value=1e6)


def test_a_figure_is_the_median_with_its_spread() -> None:
    assert Figure.of([3.0, 1.0, 2.0, 10.0]) == Figure(2.5, 1.0, 10.0)


@given(st.lists(POSITIVE, min_size=1))
def test_the_middle_is_between_the_ends(values: list[float]) -> None:
    figure = Figure.of(values)
    assert figure.low == min(values) <= figure.middle <= max(values) == figure.high


@pytest.mark.parametrize(
    ("values", "digits", "shown"),
    [
        ([12.34, 11.96, 12.8], 1, "12.3 (12.0-12.8)"),
        ([5.0], 2, "5.00"),
        ([41234.5, 39000.0, 42000.4], 0, "41,234 (39,000-42,000)"),
    ],
)
def test_a_figure_is_shown_with_its_spread_unless_there_was_one_round(
    values: list[float], digits: int, shown: str
) -> None:
    assert Figure.of(values).show(digits) == shown


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1))
def test_what_slows_a_whole_round_does_not_change_its_ratio(rounds: list[tuple[float, float]]) -> None:
    plain = ratio([one for one, _ in rounds], [other for _, other in rounds])
    slowed = ratio([one * 8 for one, _ in rounds], [other * 8 for _, other in rounds])
    assert slowed == plain


def test_a_ratio_is_taken_in_each_round_and_not_of_the_medians() -> None:
    assert ratio([10.0, 30.0, 20.0], [20.0, 20.0, 10.0]) == Figure(1.5, 0.5, 2.0)


def test_a_ratio_of_other_rounds_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0, 2.0], [1.0])


def test_the_common_rate_is_a_share_of_the_slowest_ones_median() -> None:
    assert common_rate([[100.0, 300.0, 200.0], [150.0, 400.0, 160.0]], 0.7) == pytest.approx(112.0)
