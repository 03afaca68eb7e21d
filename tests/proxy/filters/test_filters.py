"""The face for authors of filters."""

from __future__ import annotations

import subprocess
import sys

import pytest

from metaprotocol_sdk.proxy import filters


def test_every_name_of_the_face_loads() -> None:
    assert sorted(filters._HOMES) == filters.__all__
    for name in filters.__all__:
        assert getattr(filters, name) is not None


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Filters'"):
        _ = filters.Filters


def test_a_chain_of_filters_does_not_pay_for_their_models() -> None:
    program = "import sys, metaprotocol_sdk.proxy.filters.chain; assert not {'pydantic', 'asyncio'} & set(sys.modules)"
    subprocess.run([sys.executable, "-I", "-c", program], check=True)
