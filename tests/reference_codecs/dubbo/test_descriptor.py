from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_codecs.dubbo.descriptor import count_parameters

ONE = ["Z", "B", "C", "D", "F", "I", "J", "S", "V", "Ljava/lang/String;", "[I", "[[J", "[Ljava/lang/Object;", "Lgröße;"]


@pytest.mark.parametrize("one", ONE)
def test_each_kind_of_type_is_one(one: str) -> None:
    assert count_parameters(one) == 1


@given(st.lists(st.sampled_from(ONE), max_size=255))
def test_as_many_as_are_joined_are_counted(types: list[str]) -> None:
    assert count_parameters("".join(types)) == len(types)


def test_no_method_has_more_than_255() -> None:
    with pytest.raises(ValueError, match="it names more than 255 parameters"):
        count_parameters("I" * (1 << 24))


@pytest.mark.parametrize("bad", ["X", "I[", "Ljava/lang/String", "L;", "II;", " I", "[", "L[I;"])
def test_what_is_no_descriptor_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="begins no JVM type descriptor"):
        count_parameters(bad)
