from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.values import Address, Bound, PipeAddress


@pytest.mark.parametrize(("address", "text"), [(Address("1.2.3.4", 5), "1.2.3.4:5"), (Address("::1", 5), "[::1]:5")])
def test_an_address_is_written_as_it_would_be_in_a_url(address: Address, text: str) -> None:
    assert str(address) == text


def test_a_unix_socket_is_written_as_its_path() -> None:
    assert [str(PipeAddress(path)) for path in ("/run/x", "@x")] == ["/run/x", "@x"]
    assert [PipeAddress(path).name for path in ("/run/x", "@x")] == ["/run/x", "\0x"]
    assert PipeAddress("x", 0o600) == PipeAddress("x", 0o660) != PipeAddress("y")
    assert PipeAddress("x").is_fixed
    assert [Address("::", port).is_fixed for port in (0, 1)] == [False, True]


def test_what_is_bound_unpacks_as_host_and_port() -> None:
    host, port = bound = Bound("::1", 5)
    assert (host, port, str(bound), str(Bound("/run/x", 0))) == ("::1", 5, "[::1]:5", "/run/x")
