from __future__ import annotations

import ipaddress

import pytest

from metaprotocol_sdk.proxy.config.cidr import CidrRange
from tests.proxy.config.reading import bad, good

GOOD = [
    ("{address_prefix: 10.0.0.0, prefix_len: 8}", "10.0.0.0/8"),
    ("{addressPrefix: 10.1.2.3, prefixLen: '8'}", "10.0.0.0/8"),
    ("{address_prefix: 10.1.2.3, prefix_len: 32}", "10.1.2.3/32"),
    ("{address_prefix: 0.0.0.0, prefix_len: 0}", "0.0.0.0/0"),
    ("{address_prefix: '2001:db8::1', prefix_len: 33}", "2001:db8::/33"),
    ("{address_prefix: '::', prefix_len: 0}", "::/0"),
]


@pytest.mark.parametrize(("text", "network"), GOOD)
def test_bits_behind_the_prefix_do_not_count(text: str, network: str) -> None:
    assert good(CidrRange, text).network() == ipaddress.ip_network(network)


AN_ADDRESS = "expected an IP address, such as 10.0.0.0 or 2001:db8::"
WRONG = [
    ("{address_prefix: 10.0.0.0}", "1:1 error prefix_len: required, and not there"),
    ("{prefix_len: 8}", "1:1 error address_prefix: required, and not there"),
    ("{address_prefix: here, prefix_len: 8}", f"1:18 error address_prefix: {AN_ADDRESS}, found 'here'"),
    ("{address_prefix: 10.0.0.0/8, prefix_len: 8}", f"1:18 error address_prefix: {AN_ADDRESS}, found '10.0.0.0/8'"),
    ("{address_prefix: 10, prefix_len: 8}", f"1:18 error address_prefix: {AN_ADDRESS}, found 10"),
    ("{address_prefix: 'fe80::1%lo', prefix_len: 8}", f"1:18 error address_prefix: {AN_ADDRESS}, found 'fe80::1%lo'"),
    (
        "{address_prefix: '::ffff:10.0.0.0', prefix_len: 104}",
        "1:18 error address_prefix: expected the address that is mapped, 10.0.0.0, found '::ffff:10.0.0.0'",
    ),
    (
        "{address_prefix: 10.0.0.0, prefix_len: 33}",
        "1:40 error prefix_len: expected a whole number from 0 to 32, the bits of an address of version 4, found 33",
    ),
    (
        "{address_prefix: '::', prefix_len: 129}",
        "1:36 error prefix_len: expected a whole number from 0 to 128, found 129",
    ),
]


@pytest.mark.parametrize(("text", "finding"), WRONG)
def test_a_block_that_makes_no_sense_says_where_and_why(text: str, finding: str) -> None:
    assert bad(CidrRange, text) == [finding]
