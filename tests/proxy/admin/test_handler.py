from __future__ import annotations

import logging

import pytest

from metaprotocol_sdk.proxy.admin.commands import COMMANDS
from tests.proxy.admin.fakes import FakeOperated, ask

CHANGES = [each.path for each in COMMANDS if each.is_change]


def test_help_lists_every_command() -> None:
    said = ask("/help").body
    assert said.startswith("admin commands are:\n  /: Admin home page\n")
    for each in COMMANDS:
        assert f"\n  {each.path}{' (POST)' if each.is_change else ''}: {each.meaning}\n" in said


@pytest.mark.parametrize("path", ["/x", "", "/ready/", "/../ready", "//ready", "/%72eady", "http://a/ready", "/READY"])
def test_a_path_that_is_none_is_404_with_the_list_and_without_what_was_asked(path: str) -> None:
    response = ask(path)
    assert response.status == 404
    assert response.body == f"invalid path. {ask('/help').body}"


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_changes_something_is_only_done_by_post(path: str, method: str) -> None:
    proxy = FakeOperated()
    response = ask(path, proxy, method=method)
    assert (response.status, response.headers) == (405, {"allow": "POST"})
    assert proxy.orders == []


def test_other_methods_are_allowed_nowhere() -> None:
    response = ask("/ready", method="DELETE")
    assert (response.status, response.headers) == (405, {"allow": "GET, HEAD, POST"})


def test_what_only_looks_may_be_posted_to_as_envoy_has_it() -> None:
    assert ask("/ready", method="POST").body == "LIVE\n"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("http://127.0.0.1:9901", 200),
        ("http://evil.example", 403),
        ("http://127.0.0.1:9902", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_a_page_of_another_site_changes_nothing(origin: str | None, status: int) -> None:
    proxy = FakeOperated()
    headers = {"host": "127.0.0.1:9901"} | ({"origin": origin} if origin is not None else {})
    assert ask("/quitquitquit", proxy, method="POST", headers=headers).status == status
    assert proxy.orders == (["stop"] if status == 200 else [])


def test_a_change_is_in_the_log_and_a_look_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ask("/ready")
    ask("/reset_counters", method="POST")
    assert caplog.messages == ["admin: /reset_counters"]


def test_a_bug_is_500_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeOperated):
        async def counters(self) -> dict[str, int]:
            raise KeyError("x")

    assert ask("/stats", Broken()).status == 500
    assert caplog.messages == ["admin: /stats cannot be answered, for a bug in the proxy; please report it"]
