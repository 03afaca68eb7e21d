from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.admin import Admin
from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.values import Address
from tests.proxy.config.reading import PROXY_FILTER, bad, good, read

LOCAL = "address: {socket_address: {address: 127.0.0.1, port_value: 9901}}"
NO_IP = "expected an IP address to listen on, found 'localhost'; every address: 0.0.0.0 or ::"
TAKEN = "the listener address '127.0.0.1:9901' is taken already, at line 1"
OTHERS = "not only this machine may reach it, and whoever does can stop the proxy; local: 127.0.0.1 or ::1"


def test_an_admin_interface_is_its_address_and_without_one_there_is_none() -> None:
    assert good(Admin, LOCAL).value() == Address("127.0.0.1", 9901)
    assert good(Admin, "{}").value() is None
    assert good(Bootstrap, f"admin: {{{LOCAL}}}").value().admin == Address("127.0.0.1", 9901)
    assert good(Bootstrap, "{}").value().admin is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_a_local_address_is_fine(host: str) -> None:
    assert bad(Admin, LOCAL.replace("127.0.0.1", f"'{host}'")) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1"])
def test_an_address_that_others_may_reach_is_worth_a_note(host: str) -> None:
    admin, said = read(Admin, LOCAL.replace("127.0.0.1", f"'{host}'"))
    assert admin is not None
    assert said == [f"1:37 note address.socket_address.address: {OTHERS}"]


def test_what_is_wrong_is_told_at_once() -> None:
    assert bad(
        Admin, "address: {socket_address: {address: localhost, port_value: 99999}}\nallow_paths: []\nadress: 1"
    ) == [
        f"1:37 error address.socket_address.address: {NO_IP}",
        "1:60 error address.socket_address.port_value: expected a whole number from 0 to 65535, found 99999",
        "2:1 error allow_paths: not supported yet by this proxy",
        "3:1 error adress: unknown key 'adress'; did you mean address?",
    ]
    assert bad(Admin, "address: {socket_address: {address: '', port_value: 1}}") == [
        "1:37 error address.socket_address.address: expected text that is not empty"
    ]


def test_what_does_nothing_is_noted() -> None:
    said = bad(
        Admin, f"access_log_path: /dev/null\naccess_log: []\nprofile_path: a\nignore_global_conn_limit: true\n{LOCAL}"
    )
    told = "accepted; what is changed there is in the proxy's log alone"
    nothing = "accepted, and without effect in this proxy"
    assert said == [
        f"1:1 note access_log_path: {told}",
        f"2:1 note access_log: {told}",
        f"3:1 note profile_path: {nothing}",
        f"4:1 note ignore_global_conn_limit: {nothing}",
    ]


def test_a_listener_has_another_address() -> None:
    name, config = PROXY_FILTER.strip().split("\n")
    listener = f"{{{LOCAL}, filter_chains: {{filters: {{{name}, {config}}}}}}}"
    text = f"admin: {{{LOCAL}}}\nstatic_resources: {{listeners: {listener}}}"
    assert bad(Bootstrap, text) == [f"2:68 error static_resources.listeners.address.socket_address.address: {TAKEN}"]
