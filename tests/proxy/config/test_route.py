from __future__ import annotations

import pytest

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.route import HeaderMatcher, KeyValue, Route, RouteConfiguration
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, RouteConfig, RouteTableConfig
from tests.proxy.config.reading import bad, read

NOT_YET = "not supported yet by this proxy"
PRESENT = f"expected exact_match, prefix_match or string_match; a matcher that only asks for the key is {NOT_YET}"


def table(text: str) -> RouteTableConfig:
    """The routes of ``text``, whose clusters nobody defines here."""
    message, findings = read(RouteConfiguration, text)
    assert message is not None
    assert all("no cluster is named" in each for each in findings)
    return message.value()


def test_routes_become_their_values_in_the_files_order() -> None:
    text = """\
name: table
routes:
- name: one
  match:
    metadata:
    - {name: interface, exact_match: a.b.C}
    - {name: Method, prefixMatch: say}
  route: {cluster: v1, timeout: 0s}
  requestMutation: [{key: foo, value: bar}, {key: empty}]
  response_mutation: {key: X, value: y}
- route: {cluster: v2}
"""
    assert table(text) == RouteTableConfig(
        name="table",
        routes=(
            RouteConfig(
                name="one",
                metadata=(
                    MatcherConfig("interface", MatchKind.EXACT, "a.b.C"),
                    MatcherConfig("Method", MatchKind.PREFIX, "say"),
                ),
                cluster="v1",
                request_mutation=Mutation({"foo": "bar", "empty": ""}),
                response_mutation=Mutation({"X": "y"}),
                timeout=None,
            ),
            RouteConfig(cluster="v2", timeout=15.0),
        ),
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{name: n, exact_match: x}", MatcherConfig("n", MatchKind.EXACT, "x")),
        ("{name: n, exact_match: ''}", MatcherConfig("n", MatchKind.EXACT, "")),
        ("{name: n, prefix_match: x, invert_match: false}", MatcherConfig("n", MatchKind.PREFIX, "x")),
        ("{name: n, string_match: {exact: x}}", MatcherConfig("n", MatchKind.EXACT, "x")),
        ("{name: n, stringMatch: {prefix: x, ignoreCase: false}}", MatcherConfig("n", MatchKind.PREFIX, "x")),
    ],
)
def test_a_matcher_becomes_its_value(text: str, value: MatcherConfig) -> None:
    matcher, findings = read(HeaderMatcher, text)
    assert findings == []
    assert matcher is not None
    assert matcher.value() == value


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{name: n}", [f"1:1 error exact_match: {PRESENT}"]),
        ("{name: n, exact_match: ~}", [f"1:24 error exact_match: {PRESENT}"]),
        ("{name: n, present_match: true}", [f"1:11 error present_match: {NOT_YET}"]),
        ("{name: n, safe_regex_match: {regex: x}}", [f"1:11 error safe_regex_match: {NOT_YET}"]),
        ("{name: n, suffixMatch: x}", [f"1:11 error suffix_match: {NOT_YET}"]),
        (
            "{name: n, exact_match: x, prefix_match: y}",
            ["1:27 error prefix_match: only one of exact_match and prefix_match can be given"],
        ),
        ("{name: n, exact_match: 1}", ["1:24 error exact_match: expected text, found 1; put it in quotes"]),
        ("{name: n, exact_match: x, invert_match: true}", [f"1:41 error invert_match: true is {NOT_YET}"]),
        ("{name: n, prefix_match: ''}", ["1:25 error prefix_match: expected text that is not empty"]),
        ("{exact_match: x}", ["1:1 error name: required, and not there"]),
        ("{name: n, string_match: {}}", ["1:25 error string_match.exact: expected exact or prefix"]),
        ("{name: n, string_match: {contains: x}}", [f"1:26 error string_match.contains: {NOT_YET}"]),
        (
            "{name: n, string_match: {exact: x, ignore_case: true}}",
            [f"1:49 error string_match.ignore_case: true is {NOT_YET}"],
        ),
        (
            "{name: n, exactMach: x}",
            [
                f"1:1 error exact_match: {PRESENT}",
                "1:11 error exact_mach: unknown key 'exactMach'; did you mean exact_match?",
            ],
        ),
    ],
)
def test_a_wrong_matcher_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(HeaderMatcher, text) == findings


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 error route: required, and not there"]),
        ("route: {}", ["1:8 error route.cluster: required, and not there"]),
        ("route: {cluster: ''}", ["1:18 error route.cluster: expected text that is not empty"]),
        ("route: {weighted_clusters: {}}", [f"1:9 error route.weighted_clusters: {NOT_YET}"]),
        (
            "route: {cluster: c, hash_policy: [x]}",
            [
                "1:18 warning route.cluster: no cluster is named 'c', so requests that go there get an error reply",
                f"1:21 error route.hash_policy: {NOT_YET}",
            ],
        ),
        (
            "{route: {cluster: c}, match: {prefix: /}}",
            [
                "1:19 warning route.cluster: no cluster is named 'c', so requests that go there get an error reply",
                "1:31 error match.prefix: this is HTTP's; a message is matched by metadata: [{name, exact_match}]",
            ],
        ),
    ],
)
def test_a_wrong_route_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(Route, text) == findings


def test_a_key_and_a_value_are_bounded_in_bytes() -> None:
    assert read(KeyValue, f"{{key: {'k' * 16384}, value: '{'é' * 8192}'}}")[1] == []
    assert bad(KeyValue, "{key: ''}") == ["1:7 error key: expected text that is not empty"]
    assert bad(KeyValue, f"{{key: {'k' * 16385}}}") == [
        "1:7 error key: expected at most 16384 bytes of UTF-8, found 16385"
    ]
    assert bad(KeyValue, f"{{key: k, value: {'é' * 8193}}}") == [
        "1:17 error value: expected at most 16384 bytes of UTF-8, found 16386"
    ]


def test_a_mutation_makes_at_most_a_thousand_changes() -> None:
    changes = ", ".join(f"{{key: k{index}}}" for index in range(1000))
    assert (
        len(table(f"routes: {{route: {{cluster: c}}, request_mutation: [{changes}]}}").routes[0].request_mutation)
        == 1000
    )
    finding = bad(
        RouteConfiguration, f"routes: {{route: {{cluster: c}}, request_mutation: [{changes}, {{key: one}}]}}"
    )[-1]
    assert finding == "1:49 error routes.request_mutation: expected a list of at most 1000, found a list"


@pytest.mark.parametrize("match", ["", "match: {}, ", "match: ~, ", "match: {metadata: []}, "])
def test_a_route_behind_one_that_matches_everything_is_told(match: str) -> None:
    matched = "match: {metadata: {name: n, exact_match: x}}, "
    text = f"routes:\n- {{{matched}route: {{cluster: c}}}}\n- {{{match}route: {{cluster: c}}}}\n"
    assert not [each for each in read(RouteConfiguration, text)[1] if "never reached" in each]
    one = read(RouteConfiguration, text + "- route: {cluster: c}\n")[1]
    assert "4:3 warning routes[2]: never reached: the route at line 3 matches every request" in one
    more = read(RouteConfiguration, text + "- route: {cluster: c}\n" * 3)[1]
    assert [each for each in more if "never reached" in each] == [
        "4:3 warning routes[2]: never reached, like the 2 after it: the route at line 3 matches every request"
    ]
