"""The laws of conformance, one test each: `metaproto conformance` judges the same ones."""

import pytest
from metaprotocol_sdk.conformance import CHECKS, verify

from {{ cookiecutter.__package }}.strategies import subject


@pytest.mark.parametrize("law", CHECKS)
def test_law(law: str) -> None:
    verify(subject, law, max_examples=30, target="{{ cookiecutter.__package }}.strategies:subject")
