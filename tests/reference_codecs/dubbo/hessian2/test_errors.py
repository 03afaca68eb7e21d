"""Errors are sentences that say where."""

from __future__ import annotations

import pickle

import pytest

from reference_codecs.dubbo.hessian2 import Hessian2Error, StillInUse
from reference_codecs.dubbo.hessian2.errors import truncated


@pytest.mark.parametrize("kind", [Hessian2Error, StillInUse])
def test_an_error_holds_what_its_sentence_says(kind: type[Hessian2Error | StillInUse]) -> None:
    error = kind("it is so", 7)
    assert (error.reason, error.offset, str(error)) == ("it is so", 7, "at byte 7: it is so")
    assert isinstance(error, ValueError)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_value_that_ends_too_late_is_refused_where_it_starts() -> None:
    with pytest.raises(Hessian2Error, match=r"^at byte 3: the data ends at byte 9, within the value$"):
        truncated(3, 9)
