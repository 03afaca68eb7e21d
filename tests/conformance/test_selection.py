from __future__ import annotations

import pytest

from metaprotocol_sdk.conformance import CHECKS
from metaprotocol_sdk.conformance.selection import select_laws
from metaprotocol_sdk.exceptions import ConformanceError


def test_nothing_said_selects_every_law_in_order() -> None:
    assert select_laws() == list(CHECKS)


@pytest.mark.parametrize(
    ("expression", "selected"),
    [
        ("split", ["split_invariance"]),
        ("bounds_the or carries_the", ["bounds_the_length", "carries_the_request_id"]),
        ("length and not (carries or applied)", ["bounds_the_length"]),
        ("not (e or i)", []),
    ],
)
def test_an_expression_selects_by_parts_of_names(expression: str, selected: list[str]) -> None:
    if selected:
        assert select_laws(expression=expression) == selected
    else:
        with pytest.raises(ConformanceError, match="no law is selected; the laws are decodes_one_message, "):
            select_laws(expression=expression)


def test_laws_and_skip_are_exact_names() -> None:
    assert select_laws(laws=["split_invariance"]) == ["split_invariance"]
    assert "split_invariance" not in select_laws(skip=["split_invariance"])
    with pytest.raises(ConformanceError, match="no law is selected"):
        select_laws(laws=["split_invariance"], skip=["split_invariance"])
    with pytest.raises(ConformanceError, match="no law is named 'split'; the laws are"):
        select_laws(laws=["split"])
    with pytest.raises(ConformanceError, match="no law is named 'spilt'; the laws are"):
        select_laws(skip=["spilt"])


@pytest.mark.parametrize("expression", ["a b", "split(", "1", "a or 'b'", "f()", "a < b"])
def test_what_is_no_expression_is_a_sentence(expression: str) -> None:
    with pytest.raises(ConformanceError, match="cannot be read; write parts of law names joined by and, or, not"):
        select_laws(expression=expression)
