from __future__ import annotations

import pytest

from metaprotocol_sdk.conformance import CHECKS, Level
from metaprotocol_sdk.conformance.check import Broken, broken


def test_a_broken_law_is_an_assertion_error_that_knows_the_byte() -> None:
    with pytest.raises(AssertionError, match="what happened") as caught:
        broken("what happened", at=7)
    assert isinstance(caught.value, Broken)
    assert caught.value.at == 7


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_named_for_its_function_and_says_its_law_in_a_sentence(name: str) -> None:
    check = CHECKS[name]
    assert check.name == check.function.__name__ == name
    assert check.law.endswith(".")
    assert "\n" not in check.law
    assert not check.mistake.endswith(".")


SHOULD = {"compiles_its_frame", "mutation_is_reversible", "names_every_byte", "tells_errors_apart"}


def test_what_works_and_could_be_better_is_advice() -> None:
    assert {name for name, check in CHECKS.items() if check.level is Level.SHOULD} == SHOULD


def test_a_law_draws_its_share_of_cases_and_at_least_one() -> None:
    assert CHECKS["split_invariance"].examples(30) == 60
    assert CHECKS["survives_hostile_input"].examples(200) == 10
    assert CHECKS["compiles_its_frame"].examples(5000) == 1
