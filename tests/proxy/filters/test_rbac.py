from __future__ import annotations

import pytest

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.proxy.filters.rbac import RBAC, AccessControl, Rbac
from tests.proxy.config.reading import bad, good
from tests.proxy.fakes import request, stream_of
from tests.proxy.filters.helpers import Around

READS = "{permissions: [{metadata: {name: method, prefix_match: get}}], principals: [{any: true}]}"
LISTS = "{permissions: [{metadata: {name: method, exact_match: list}}], principals: [{any: true}]}"
DENIED = Error(ErrorType.UNSPECIFIED, "RBAC: access denied", "UAEX")


class Guarded:
    """A filter of that configuration, and what passes it."""

    def __init__(self, text: str) -> None:
        self.around = Around()
        self.control = RBAC.factory(good(Rbac, f"stat_prefix: shop\n{text}"), self.around.context)
        assert isinstance(self.control, AccessControl)

    def passes(self, method: str) -> bool:
        message = request()
        message["method"] = method
        verdict = self.control.on_request(stream_of(message))
        assert verdict in (None, DENIED)
        return verdict is None

    def counts(self) -> dict[str, int]:
        """Those that are not 0."""
        prefix = "meta_protocol.shop.rbac."
        found = self.around.counts()
        assert len(found) == 6
        assert all(name.startswith(prefix) for name in found)
        return {name.removeprefix(prefix): count for name, count in found.items() if count}


def rules(action: str, *policies: str, key: str = "rules") -> str:
    listed = ", ".join(f"p{number}: {policy}" for number, policy in enumerate(policies))
    return f"{key}: {{action: {action}, policies: {{{listed}}}}}"


def asked(guarded: Guarded) -> list[bool]:
    return [guarded.passes(method) for method in ("getAll", "list", "put")]


@pytest.mark.parametrize(
    ("text", "passing", "counts"),
    [
        (rules("ALLOW", READS), [True, False, False], {"allowed": 1, "denied": 2}),
        (rules("ALLOW", READS, LISTS), [True, True, False], {"allowed": 2, "denied": 1}),
        (rules("DENY", READS), [False, True, True], {"allowed": 2, "denied": 1}),
        (rules("DENY", READS, LISTS), [False, False, True], {"allowed": 1, "denied": 2}),
        (rules("LOG", READS), [True, True, True], {"allowed": 3, "logged": 1}),
        (rules("ALLOW"), [False, False, False], {"denied": 3}),
        (rules("DENY"), [True, True, True], {"allowed": 3}),
        ("rules: {}", [False, False, False], {"denied": 3}),
    ],
)
def test_an_action_is_what_becomes_of_requests_that_a_policy_matches(
    text: str, passing: list[bool], counts: dict[str, int]
) -> None:
    guarded = Guarded(text)
    assert asked(guarded) == passing
    assert guarded.counts() == counts


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        (rules("ALLOW", READS, key="shadow_rules"), {"shadow_allowed": 1, "shadow_denied": 2}),
        (rules("DENY", READS, key="shadow_rules"), {"shadow_allowed": 2, "shadow_denied": 1}),
        (rules("LOG", READS, key="shadow_rules"), {"shadow_allowed": 3, "shadow_logged": 1}),
    ],
)
def test_a_shadow_counts_and_refuses_nothing(text: str, counts: dict[str, int]) -> None:
    guarded = Guarded(text)
    assert asked(guarded) == [True, True, True]
    assert guarded.counts() == counts


def test_rules_and_their_shadow_know_nothing_of_each_other() -> None:
    guarded = Guarded(f"{rules('ALLOW', READS)}\n{rules('DENY', READS, key='shadow_rules')}")
    assert asked(guarded) == [True, False, False]
    assert guarded.counts() == {"allowed": 1, "denied": 2, "shadow_allowed": 2, "shadow_denied": 1}


def test_a_shadow_may_have_a_prefix_of_its_own() -> None:
    guarded = Guarded(f"{rules('DENY', key='shadow_rules')}\nshadow_rules_stat_prefix: next.")
    guarded.passes("list")
    assert guarded.counts() == {"next.shadow_allowed": 1}


WRONG = [
    (rules("ALLOW"), "1:1 error stat_prefix: required, and not there"),
    (
        "stat_prefix: s",
        "1:1 error rules: required, unless there are shadow_rules: with neither of them nothing is decided",
    ),
    ("{stat_prefix: s, rules: {}, matcher: {}}", "1:29 error matcher: not supported yet by this proxy"),
]


@pytest.mark.parametrize(("text", "finding"), WRONG)
def test_a_wrong_filter_says_where_and_why(text: str, finding: str) -> None:
    assert bad(Rbac, text) == [finding]


def test_every_field_may_be_written_in_camel_case() -> None:
    snake = f"stat_prefix: s\n{rules('DENY', key='shadow_rules')}\nshadow_rules_stat_prefix: x"
    camel = snake.replace("stat_prefix: s", "statPrefix: s").replace("shadow_rules:", "shadowRules:")
    assert good(Rbac, camel.replace("shadow_rules_stat_prefix", "shadowRulesStatPrefix")) == good(Rbac, snake)
