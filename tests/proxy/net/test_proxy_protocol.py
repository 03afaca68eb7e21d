"""PROXY headers: the specification's examples as bytes, and what an independent writer writes."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.net.proxy_protocol import (
    MAX_LINE,
    BadHeader,
    NoHeader,
    crc32c,
    header_size,
    read_header,
)
from metaprotocol_sdk.proxy.peer import Ip, Told

SIGNATURE = b"\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
V4 = bytes.fromhex("c0a8000b c0a80001 dce4 01bb")
TOLD_V4 = Told(ipaddress.ip_address("192.168.0.11"), 56548, ipaddress.ip_address("192.168.0.1"), 443)


def binary(kind: str, rest: bytes) -> bytes:
    return SIGNATURE + bytes.fromhex(kind) + struct.pack(">H", len(rest)) + rest


LONGEST = b"PROXY UNKNOWN " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n"

# The lines are those of section 2.1 of the specification, the longest one among them.
GOOD = [
    (b"PROXY TCP4 192.168.0.11 192.168.0.1 56548 443\r\n", TOLD_V4),
    (b"PROXY TCP4 255.255.255.254 255.255.255.254 65535 65535\r\n", None),
    (
        b"PROXY TCP6 2001:db8::1 ::1 1 0\r\n",
        Told(ipaddress.ip_address("2001:db8::1"), 1, ipaddress.ip_address("::1"), 0),
    ),
    (b"PROXY TCP6 ::ffff:192.168.0.11 ::ffff:192.168.0.1 56548 443\r\n", TOLD_V4),
    (b"PROXY UNKNOWN\r\n", None),
    (LONGEST, None),
    (binary("2111", V4), TOLD_V4),
    (binary("2112", V4), TOLD_V4),
    (binary("2111", V4 + b"\x04\x00\x02xy" + b"\x02\x00\x00"), TOLD_V4),
    (binary("2121", ipaddress.ip_address("2001:db8::1").packed * 2 + bytes(4)), None),
    (binary("2131", b"/client".ljust(108, b"\0") + b"/server".ljust(108, b"\0")), Told()),
    (binary("2000", b""), None),
    (binary("2011", V4), None),
    (binary("2100", b"\x04\x00\x01x"), None),
]


@pytest.mark.parametrize(("header", "told"), GOOD)
def test_a_header_says_whom_its_connection_is_for(header: bytes, told: Told | None) -> None:
    found = read_header(header)
    if told is not None:
        assert found == told
    for behind in (b"", b"message", b"\r\n" * 100):
        assert header_size((header + behind)[:MAX_LINE]) == len(header)


@pytest.mark.parametrize("header", [header for header, _ in GOOD])
def test_a_part_of_a_header_says_that_more_is_to_come_and_never_too_much(header: bytes) -> None:
    for at in range(len(header)):
        assert at < header_size(header[:at][:MAX_LINE]) <= len(header)


def test_the_longest_line_is_the_specifications() -> None:
    assert len(LONGEST) == MAX_LINE == 107


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY \r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
        b"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
        b"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 224.0.0.1 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 0.0.0.0 5.6.7.8 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 255.255.255.255 1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 \xb2 2\r\n",
        binary("1111", V4),
        binary("3111", V4),
        binary("2211", V4),
        binary("2141", V4),
        binary("2113", V4),
        binary("2111", V4[:-1]),
        binary("2121", V4),
        binary("2111", V4 + b"\x04\x00"),
        binary("2111", V4 + b"\x04\x00\x05x"),
        binary("2111", bytes.fromhex("e0000001 c0a80001 0001 0001")),
        binary("2111", V4 + b"\x03\x00\x04\x00\x00\x00\x00"),
        binary("2111", V4 + b"\x03\x00\x02\x00\x00"),
    ],
)
def test_a_malformed_header_is_refused(line: bytes) -> None:
    assert header_size(line[:MAX_LINE]) == len(line)
    with pytest.raises(BadHeader):
        read_header(line)


def test_a_line_without_an_end_is_refused_and_anything_else_is_no_header() -> None:
    with pytest.raises(BadHeader, match="more than 107 bytes"):
        header_size(b"PROXY " + b"x" * 101)
    for data in (b"x", b"PROXX", b"proxy ", b"\r\n\r\n\1", b"\x16\x03\x01"):
        with pytest.raises(NoHeader):
            header_size(data)


def test_a_version_that_is_not_taken_is_no_header() -> None:
    for version, header in ((1, GOOD[0][0]), (2, binary("2111", V4))):
        assert header_size(header, {version}) == len(header)
        with pytest.raises(NoHeader):
            header_size(header, {3 - version})


def test_a_checksum_is_that_of_the_header_with_none_in_it() -> None:
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720's check value
    assert crc32c(bytes(32)) == 0x8A9136AA  # its example B.4
    blank = binary("2111", V4 + b"\x03\x00\x04\x00\x00\x00\x00")
    assert read_header(blank[:-4] + struct.pack(">I", crc32c(blank))) == TOLD_V4


def is_one_host(ip: Ip) -> bool:
    """Whether a connection can come from there, and is of the version it is written in."""
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return not (ip.is_multicast or ip.is_unspecified or mapped or ip == ipaddress.IPv4Address("255.255.255.255"))


hosts_v4: st.SearchStrategy[Ip] = st.ip_addresses(v=4).filter(is_one_host)
hosts_v6: st.SearchStrategy[Ip] = st.ip_addresses(v=6).filter(is_one_host)
ports = st.integers(0, 65535)
extensions = st.lists(st.tuples(st.integers(4, 255), st.binary(max_size=40)), max_size=4)


@given(st.one_of(st.tuples(hosts_v4, hosts_v4), st.tuples(hosts_v6, hosts_v6)), ports, ports, extensions, st.booleans())
def test_what_another_writes_is_read(
    ips: tuple[Ip, Ip], port: int, other: int, more: list[tuple[int, bytes]], is_line: bool
) -> None:
    told = Told(ips[0], port, ips[1], other)
    if is_line:
        header = f"PROXY TCP{ips[0].version} {ips[0]} {ips[1]} {port} {other}\r\n".encode()
    else:
        tail = b"".join(struct.pack(">BH", kind, len(data)) + data for kind, data in more)
        family = "2111" if ips[0].version == 4 else "2121"
        header = binary(family, ips[0].packed + ips[1].packed + struct.pack(">HH", port, other) + tail)
    assert header_size((header + b"behind")[:MAX_LINE]) == len(header)
    assert read_header(header) == told


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]), st.binary(max_size=300))
def test_hostile_bytes_are_bounded_and_end_in_a_sentence(start: bytes, rest: bytes) -> None:
    data = start + rest
    try:
        size = header_size(data[:MAX_LINE])
        assert size <= 16 + 65535
        if size <= len(data):
            read_header(data[:size])
    except (NoHeader, BadHeader) as error:
        assert str(error)  # noqa: PT017  they may be a header all the same
