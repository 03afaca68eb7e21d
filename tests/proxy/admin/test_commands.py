from __future__ import annotations

import json
import platform
from importlib.metadata import version

import pytest

from metaprotocol_sdk.proxy.admin.commands import COMMANDS
from metaprotocol_sdk.proxy.admin.operated import State
from tests.proxy.admin.fakes import FakeOperated, ask


def test_commands_are_listed_by_path_each_once() -> None:
    paths = [each.path for each in COMMANDS]
    assert paths == sorted(set(paths))


@pytest.mark.parametrize("state", State)
def test_ready_is_200_while_it_is_live_alone(state: State) -> None:
    proxy = FakeOperated()
    proxy.state = state
    response = ask("/ready", proxy)
    assert (response.status, response.body) == (200 if state is State.LIVE else 503, f"{state.name}\n")


def test_server_info_says_who_it_is() -> None:
    assert json.loads(ask("/server_info").body) == {
        "version": f"metaprotocol-sdk/{version('metaprotocol-sdk')}/Python {platform.python_version()}",
        "state": "LIVE",
        "uptime_current_epoch": "3725s",
        "uptime_all_epochs": "3725s",
        "node": {"id": "one", "cluster": "shop"},
    }


def test_listeners_are_envoys_lines_and_json() -> None:
    assert ask("/listeners").body == "orders::[::1]:9000\n"
    assert json.loads(ask("/listeners?format=json").body) == {
        "listener_statuses": [
            {"name": "orders", "local_address": {"socket_address": {"address": "::1", "port_value": 9000}}}
        ]
    }


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", (False, False, False)),
        ("?graceful", (True, False, False)),
        ("?graceful&skip_exit", (True, True, False)),
        ("?inboundonly", (False, False, True)),
    ],
)
def test_listeners_are_drained_as_it_is_said(query: str, order: object) -> None:
    proxy = FakeOperated()
    assert ask(f"/drain_listeners{query}", proxy, method="POST").body == "OK\n"
    assert proxy.orders == [order]


def test_a_drain_that_never_ends_is_a_graceful_one() -> None:
    proxy = FakeOperated()
    response = ask("/drain_listeners?skip_exit", proxy, method="POST")
    assert (response.status, response.body, proxy.orders) == (400, "skip_exit requires graceful\n", [])


def test_health_checks_fail_until_they_are_well_again() -> None:
    proxy = FakeOperated()
    assert ask("/healthcheck/fail", proxy, method="POST").body == "OK\n"
    assert ask("/ready", proxy).status == 503
    assert ask("/healthcheck/ok", proxy, method="POST").body == "OK\n"
    assert ask("/ready", proxy).status == 200


def test_the_proxy_is_stopped_and_counters_are_reset() -> None:
    proxy = FakeOperated()
    assert ask("/quitquitquit", proxy, method="POST").body == "OK\n"
    assert ask("/reset_counters", proxy, method="POST").body == "OK\n"
    assert proxy.orders == ["stop", "reset"]


def test_the_log_level_is_shown_and_changed() -> None:
    proxy = FakeOperated()
    for query, level in (("", "info"), ("?level=", "info"), ("?level=debug", "debug"), ("", "debug")):
        said = ask(f"/logging{query}", proxy, method="POST").body
        assert said == f"active loggers:\n  metaprotocol.proxy: {level}\n"
    refused = ask("/logging?level=trace", proxy, method="POST")
    assert (refused.status, refused.body) == (400, "usage: /logging?level=(debug|info|warning|error)\n")
    assert proxy.log_level == "debug"
