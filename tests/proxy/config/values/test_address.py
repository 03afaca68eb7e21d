from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.values import Address


@pytest.mark.parametrize(("address", "text"), [(Address("1.2.3.4", 5), "1.2.3.4:5"), (Address("::1", 5), "[::1]:5")])
def test_an_address_is_written_as_it_would_be_in_a_url(address: Address, text: str) -> None:
    assert str(address) == text
