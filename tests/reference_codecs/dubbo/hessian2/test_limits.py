"""Limits are positive numbers."""

from __future__ import annotations

import pytest

from reference_codecs.dubbo.hessian2 import LIMITS, Limits


@pytest.mark.parametrize("name", ["depth", "containers", "classes", "entries", "values"])
def test_a_limit_is_at_least_one(name: str) -> None:
    assert getattr(Limits(**{name: 1}), name) == 1
    with pytest.raises(ValueError, match=rf"^the limit of {name} is 0; it is a number, at least 1$"):
        Limits(**{name: 0})


def test_the_defaults_are_a_walkers() -> None:
    assert Limits() == LIMITS
