from __future__ import annotations

import pytest

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.route import (
    RequestMirrorPolicy,
    Route,
    RouteAction,
    RouteConfiguration,
    WeightedCluster,
)
from metaprotocol_sdk.proxy.config.values import (
    MatcherConfig,
    MatchKind,
    MirrorConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
    RouteTableConfig,
    RoutingPriority,
    WeightedClusterConfig,
)
from tests.proxy.config.reading import PROXY_TYPE, WITH_IDS, bad, errors, parse, read


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


WHOLE = """\
name: canary
match: {metadata: [{name: n, exact_match: x}]}
route:
  weightedClusters: {clusters: [{name: a, weight: 80}, {name: b, weight: "20"}, {name: c, weight: 0}]}
  hash_policy: [method, Interface]
  requestMirrorPolicies:
  - {cluster: d}
  - {cluster: e, runtime_fraction: {default_value: {numerator: 50}}}
  timeout: 2s
  idle_timeout: 0s
  retry_policy: {retry_on: reset}
  priority: HIGH
request_headers_to_remove: [old]
responseHeadersToRemove: [secret, Internal]
response_mutation: [{key: new, value: v}]
mutation_required: true
"""


def test_a_route_says_everything_of_a_request() -> None:
    route, findings = read(Route, WHOLE)
    assert route is not None
    assert {each.split(" ", 1)[1].split(":")[0] for each in findings} == {
        *(f"warning route.weighted_clusters.clusters[{index}].name" for index in range(3)),
        *(f"warning route.request_mirror_policies[{index}].cluster" for index in range(2)),
    }
    assert route.value() == RouteConfig(
        name="canary",
        metadata=(MatcherConfig("n", MatchKind.EXACT, "x"),),
        weighted_clusters=(
            WeightedClusterConfig("a", 80),
            WeightedClusterConfig("b", 20),
            WeightedClusterConfig("c", 0),
        ),
        hash_policy=("method", "Interface"),
        mirrors=(MirrorConfig("d"), MirrorConfig("e", 0.5)),
        request_mutation=Mutation({"old": None}),
        response_mutation=Mutation({"secret": None, "Internal": None, "new": "v"}),
        is_mutation_required=True,
        timeout=2.0,
        idle_timeout=None,
        retry=RetryPolicyConfig(retry_on=frozenset([RetryOn.RESET])),
        priority=RoutingPriority.HIGH,
    )


def test_what_is_not_said_of_a_route_is_the_runtimes_default() -> None:
    message, _ = read(Route, "route: {cluster: c}")
    assert message is not None
    assert message.value() == RouteConfig(cluster="c")


NO_CLUSTER = "warning route.cluster: no cluster is named 'c', so requests that go there get an error reply"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("{}", ["1:1 error route: required, and not there"]),
        (
            "route: {}",
            ["1:8 error route.cluster: required, and not there: cluster or weighted_clusters says where requests go"],
        ),
        ("route: {cluster: ''}", ["1:18 error route.cluster: expected text that is not empty"]),
        (
            "route: {cluster: c, weighted_clusters: {clusters: {name: c, weight: 1}}}",
            [
                f"1:18 {NO_CLUSTER}",
                "1:21 error route.weighted_clusters: only one of cluster and weighted_clusters can be given",
                (
                    "1:58 warning route.weighted_clusters.clusters.name: no cluster is named 'c', so requests that go "
                    "there get an error reply"
                ),
            ],
        ),
        (
            "{route: {cluster: c}, match: {prefix: /}}",
            [
                f"1:19 {NO_CLUSTER}",
                "1:31 error match.prefix: this is HTTP's; a message is matched by metadata: [{name, exact_match}]",
            ],
        ),
        (
            "{route: {cluster: c}, request_headers_to_add: []}",
            [
                f"1:19 {NO_CLUSTER}",
                (
                    "1:23 error request_headers_to_add: this is HTTP's; request_mutation and response_mutation: "
                    "[{key, value}] set a message's strings"
                ),
            ],
        ),
        (
            "route: {cluster: c, timeout: -1s, idle_timeout: 5}",
            [
                f"1:18 {NO_CLUSTER}",
                "1:30 error route.timeout: expected seconds with an s, such as 5s or 0.25s, found '-1s'",
                "1:49 error route.idle_timeout: expected seconds with an s, such as 5s or 0.25s, found 5",
            ],
        ),
    ],
)
def test_a_wrong_route_says_where_and_why(text: str, findings: list[str]) -> None:
    assert bad(Route, text) == findings


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{}", "1:1 error clusters: required, and not there"),
        ("clusters: []", "1:11 error clusters: expected a list of at least 1, found a list"),
        ("clusters: {name: c}", "1:11 error clusters.weight: required, and not there"),
        ("clusters: {weight: 1}", "1:11 error clusters.name: required, and not there"),
        (
            "clusters: {name: c, weight: -1}",
            "1:29 error clusters.weight: expected a whole number from 0 to 4294967295, found -1",
        ),
        (
            "clusters: [{name: c, weight: 0}, {name: d, weight: 0}]",
            "1:11 error clusters: expected weights whose sum is from 1 to 4294967295, found 0",
        ),
        (
            "clusters: [{name: c, weight: 4294967295}, {name: d, weight: 1}]",
            "1:11 error clusters: expected weights whose sum is from 1 to 4294967295, found 4294967296",
        ),
        (
            "{clusters: {name: c, weight: 1}, total_weight: 100}",
            "1:34 note total_weight: without effect, as in Envoy: the sum of the weights counts",
        ),
    ],
)
def test_weights_that_choose_nothing_are_told(text: str, finding: str) -> None:
    findings = [each for each in bad(WeightedCluster, text) if "no cluster is named" not in each]
    assert findings == [finding]


def test_a_mirror_without_its_cluster_costs_no_request() -> None:
    assert bad(RequestMirrorPolicy, "cluster: c") == [
        "1:10 warning cluster: no cluster is named 'c', so no copies are made"
    ]
    assert bad(RequestMirrorPolicy, "runtime_fraction: {default_value: {}}") == [
        "1:1 error cluster: required, and not there"
    ]


HASHED = """\
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: 9090}}}}
    filter_chains:
      filters:
        name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {type}
          stat_prefix: s
          codec: {{name: '{codec}'}}
          route_config:
            routes:
            - {{route: {{{clusters}, hash_policy: [method]}}}}
  clusters: [{{name: ring, lb_policy: RING_HASH}}, {{name: maglev, lb_policy: MAGLEV}}, {{name: robin}}]
"""


@pytest.mark.parametrize(
    ("clusters", "lacking"),
    [
        ("cluster: ring", []),
        ("cluster: maglev", []),
        ("cluster: robin", ["robin"]),
        ("weighted_clusters: {clusters: [{name: ring, weight: 1}, {name: robin, weight: 1}]}", ["robin"]),
    ],
)
def test_a_hash_policy_that_no_cluster_uses_is_told(clusters: str, lacking: list[str]) -> None:
    config, findings = parse(HASHED.format(type=PROXY_TYPE, codec=WITH_IDS, clusters=clusters))
    assert config is not None
    assert [each.split("hash_policy: ")[1] for each in findings] == [
        f"without effect on cluster '{each}': its lb_policy is not RING_HASH or MAGLEV" for each in lacking
    ]


@pytest.mark.parametrize(
    ("routes", "clusters", "unhashed"),
    [
        ("[{route: {cluster: ring}}]", "[{name: ring, lb_policy: RING_HASH}]", ["ring"]),
        (
            "[{route: {cluster: a}, match: {metadata: {name: x}}}, {route: {cluster: a}}]",
            "{name: a, lb_policy: MAGLEV}",
            ["a", "a"],
        ),
        ("[{route: {cluster: a, hash_policy: []}}]", "[{name: a, lb_policy: MAGLEV}]", ["a"]),
        (
            "[{route: {cluster: b, request_mirror_policies: {cluster: a}}}]",
            "[{name: a, lb_policy: MAGLEV}, {name: b}]",
            [],
        ),
        (
            "{route: {weighted_clusters: {clusters: [{name: a, weight: 1}, {name: b, weight: 1}]}}}",
            "[{name: a, lb_policy: MAGLEV}, {name: b}]",
            ["a"],
        ),
        ("{route: {cluster: b}}", "[{name: a, lb_policy: MAGLEV}, {name: b}]", []),
    ],
)
def test_a_route_to_a_hashing_cluster_that_names_nothing_to_hash_is_told(
    routes: str, clusters: str, unhashed: list[str]
) -> None:
    text = HASHED.format(type=PROXY_TYPE, codec=WITH_IDS, clusters="cluster: c")
    text = text[: text.index("            routes:")] + f"            routes: {routes}\n  clusters: {clusters}\n"
    config, findings = parse(text)
    assert config is not None
    assert [each.split(": ", 1)[1] for each in findings] == [
        f"cluster '{each}' picks servers by a hash; without a hash_policy on this route it picks them at random"
        for each in unhashed
    ]


def test_a_hash_has_at_most_a_hundred_keys_and_none_is_empty() -> None:
    keys = ", ".join(["k"] * 100)
    assert errors(bad(RouteAction, f"{{cluster: c, hash_policy: [{keys}]}}")) == []
    findings = bad(RouteAction, f"{{cluster: c, hash_policy: [{keys}, k]}}")
    assert findings[-1] == "1:27 error hash_policy: expected a list of at most 100, found a list"
    assert bad(RouteAction, "{cluster: c, hash_policy: ['']}")[-1] == (
        "1:28 error hash_policy[0]: expected text that is not empty"
    )


@pytest.mark.parametrize(
    ("timeout", "is_told"), [("timeout: 1s", True), ("timeout: 2s", False), ("timeout: 0s", False), ("", False)]
)
def test_an_attempt_that_may_take_longer_than_the_whole_is_told(timeout: str, is_told: bool) -> None:
    retry = "retry_policy: {retry_on: reset, per_try_timeout: 2s}"
    told = "retry_policy.per_try_timeout: never reached: the route's timeout, 1s, is shorter"
    assert any(told in each for each in bad(RouteAction, f"{{cluster: c, {retry}, {timeout}}}")) is is_told


def test_the_default_timeout_counts_too() -> None:
    findings = bad(RouteAction, "{cluster: c, retry_policy: {retry_on: reset, per_try_timeout: 16s}}")
    assert findings[-1].endswith("never reached: the route's timeout, 15s, is shorter")


def test_a_key_that_is_removed_and_set_is_set_and_told() -> None:
    text = "{route: {cluster: c}, request_mutation: {key: X-A, value: v}, request_headers_to_remove: [b, x-a]}"
    route, findings = read(Route, text)
    assert route is not None
    assert dict(route.value().request_mutation) == {"b": None, "X-A": "v"}
    assert findings[1:] == [
        "1:94 warning request_headers_to_remove[1]: request_mutation sets 'x-a' too, and that counts"
    ]


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
