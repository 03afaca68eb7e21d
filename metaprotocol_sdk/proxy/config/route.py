"""Routes: the messages of ``aeraki.meta_protocol_proxy.config.route.v1alpha``.

``timeout``, ``idle_timeout``, ``retry_policy`` and ``priority`` of a RouteAction are
``envoy.config.route.v3.RouteAction``'s, and ``request_headers_to_remove`` and ``response_headers_to_remove`` of a Route
are ``envoy.config.route.v3.Route``'s: a ``KeyValue`` can only set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from metaprotocol_sdk.proxy.config.circuit_breakers import Priority
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import (
    MAX_COUNT,
    OURS,
    Count,
    Duration,
    Origin,
    Repeated,
    Switch,
    Text,
    seconds_at,
)
from metaprotocol_sdk.proxy.config.fraction import RuntimeFractionalPercent
from metaprotocol_sdk.proxy.config.matcher import HeaderMatcher
from metaprotocol_sdk.proxy.config.message import Message, OneOf, belongs_in, not_yet, without_effect
from metaprotocol_sdk.proxy.config.metadata import LB, Metadata, written
from metaprotocol_sdk.proxy.config.mutation import Changes, Removals, mutation_of, warn_of_removed_and_set
from metaprotocol_sdk.proxy.config.retry import RetryPolicy
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import (
    LbMetadata,
    MirrorConfig,
    RouteConfig,
    RouteTableConfig,
    RoutingPriority,
    WeightedClusterConfig,
    merged,
)

MAX_HASH_KEYS = 100
"""Strings a ``hash_policy`` may name."""

DEFAULT_TIMEOUT = 15.0
"""Seconds; Envoy's, for a route."""

DEFAULT_IDLE_TIMEOUT = 300.0
"""Seconds; Envoy's, for a stream."""

_PATHS = ("prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "path_match_policy")
_SETS = "this is HTTP's; request_mutation and response_mutation: [{key, value}] set a message's strings"
_NO_COPIES = "no copies are made"


class RouteMatch(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteMatch``: all matchers must hold; none match everything."""

    refused: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("headers", *_PATHS), "this is HTTP's; a message is matched by metadata: [{name, exact_match}]"
        ),
        **not_yet("case_sensitive", "runtime_fraction", "query_parameters", "grpc", "tls_context", "dynamic_metadata"),
    }

    metadata: Repeated[HeaderMatcher] = ()
    """What the strings of a request must be."""


class ClusterWeight(Message):
    """``envoy.config.route.v3.WeightedCluster.ClusterWeight``."""

    refused = not_yet(
        "cluster_header", "request_headers_to_add", "request_headers_to_remove",
        "response_headers_to_add", "response_headers_to_remove", "typed_per_filter_config", "host_rewrite_literal",
    )  # fmt: skip

    name: Text
    """The cluster."""

    weight: Count
    """How often it is chosen, of the sum of all weights."""

    metadata_match: Metadata | None = None
    """What its servers must have, beside what the route's ``metadata_match`` says; of a key in both, this counts."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Has the cluster looked up when all are known."""
        context.refer_to_cluster(fields, "name")

    def value(self) -> WeightedClusterConfig:
        """What the runtime reads."""
        return WeightedClusterConfig(self.name, self.weight, _match(self.metadata_match))


def _match(metadata: Metadata | None) -> LbMetadata | None:
    return metadata.value() or None if metadata is not None else None


class WeightedCluster(Message):
    """``envoy.config.route.v3.WeightedCluster``: clusters one is chosen from for each request."""

    refused = not_yet("header_name", "random_value_specifier", "use_hash_policy")
    ignored: ClassVar[Mapping[str, str]] = {
        "total_weight": "without effect, as in Envoy: the sum of the weights counts",
        **without_effect("runtime_key_prefix"),
    }

    clusters: Annotated[Repeated[ClusterWeight], Field(min_length=1)]
    """The clusters and their weights."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports weights of which none is chosen, or that add up to more than Envoy takes."""
        weights = [each.get("weight") for each in fields.children("clusters")]
        total = sum(each for each in weights if isinstance(each, int))
        if weights and all(type(each) is int and each >= 0 for each in weights) and not 0 < total <= MAX_COUNT:
            problem = f"expected weights whose sum is from 1 to {MAX_COUNT}, found {total}"
            context.report.error(fields.value_place("clusters"), problem)


class RequestMirrorPolicy(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RequestMirrorPolicy``: a cluster that gets copies of requests.
    What it answers is dropped."""

    refused = not_yet("cluster_header", "disable_shadow_host_suffix_append", "request_headers_mutations")
    ignored = without_effect("trace_sampled")

    cluster: Text
    """Where the copies go."""

    runtime_fraction: RuntimeFractionalPercent | None = None
    """Of which share of the requests; not given: of all."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Has the cluster looked up when all are known."""
        context.refer_to_cluster(fields, "cluster", otherwise=_NO_COPIES)

    def value(self) -> MirrorConfig:
        """What the runtime reads."""
        return MirrorConfig(self.cluster, 1.0 if self.runtime_fraction is None else self.runtime_fraction.value())


class RouteAction(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteAction``: where a request goes, and for how long it may
    take."""

    refused: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("request_mutation", "response_mutation", "request_headers_to_remove", "response_headers_to_remove",
             "mutation_required"),
            "belongs beside route, not in it",
        ),
        **not_yet(
            "cluster_header", "max_stream_duration", "rate_limits", "hedge_policy",
            "cluster_not_found_response_code", "cluster_specifier_plugin", "inline_cluster_specifier_plugin",
            "prefix_rewrite", "host_rewrite_literal", "auto_host_rewrite", "internal_redirect_policy",
        ),
    }  # fmt: skip
    one_of = (
        OneOf(
            ("cluster", "weighted_clusters", "cluster_header", "cluster_specifier_plugin"),
            "required, and not there: cluster or weighted_clusters says where requests go",
        ),
    )

    cluster: Text = ""
    """The cluster it goes to."""

    weighted_clusters: WeightedCluster | None = None
    """The clusters one is chosen from."""

    hash_policy: Annotated[tuple[Text, ...], Field(max_length=MAX_HASH_KEYS)] = ()
    """Keys of the strings by whose values a ``RING_HASH`` or ``MAGLEV`` cluster picks the server. At most 100."""

    metadata_match: Annotated[Metadata | None, Origin("envoy.config.route.v3.RouteAction.metadata_match")] = None
    """What servers must have that its requests go to: a subset of a cluster that has ``lb_subset_config``. Copies go to
    any server."""

    request_mirror_policies: Repeated[RequestMirrorPolicy] = ()
    """Clusters that get copies."""

    timeout: Annotated[Duration, Origin("envoy.config.route.v3.RouteAction.timeout")] = DEFAULT_TIMEOUT
    """Until the client gets an error instead of a reply, retries included; ``0s``: never."""

    idle_timeout: Annotated[Duration, Origin("envoy.config.route.v3.RouteAction.idle_timeout")] = DEFAULT_IDLE_TIMEOUT
    """Without a frame in either direction, until a stream ends; ``0s``: never."""

    retry_policy: Annotated[RetryPolicy | None, Origin("envoy.config.route.v3.RouteAction.retry_policy")] = None
    """When it is tried again; not given: never."""

    priority: Annotated[Priority, Origin("envoy.config.route.v3.RouteAction.priority")] = RoutingPriority.DEFAULT
    """Which of the cluster's ``circuit_breakers`` its requests count against. Copies for a mirror are ``DEFAULT``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Has the clusters looked up when all are known; warns of an attempt that may take longer than the whole."""
        if "cluster" in fields:
            context.refer_to_cluster(fields, "cluster")
        _look_at_hashing(fields, context)
        _look_at_subsets(fields, context)
        if fields.get("retry_policy") is not None:
            _compare_timeouts(fields, context)


def _look_at_hashing(action: Entries, context: Context) -> None:
    weighted = action.child("weighted_clusters").children("clusters")
    for fields, key in ((action, "cluster"), *((each, "name") for each in weighted)):
        if action.get("hash_policy"):
            context.expect_hashing(fields.get(key), action.value_place("hash_policy"))
        else:
            context.expect_no_hashing(fields.get(key), fields.value_place(key))


def _look_at_subsets(action: Entries, context: Context) -> None:
    _expect_choice(action, context)
    asked = written(action, "metadata_match")
    if asked and "cluster" in action:
        context.subsets.ask(action.get("cluster"), asked, action.value_place("metadata_match"))
    for each in action.child("weighted_clusters").children("clusters"):
        _expect_choice(each, context)
        own = written(each, "metadata_match")
        match = merged(asked, own)
        if match:
            place = (each if own else action).value_place("metadata_match")
            context.subsets.ask(each.get("name"), match, place)


def _expect_choice(fields: Entries, context: Context) -> None:
    if isinstance(match := fields.get("metadata_match"), Entries) and LB not in match.child("filter_metadata"):
        problem = f"without effect: only what stands under filter_metadata, in {LB}, chooses servers"
        context.report.warning(fields.value_place("metadata_match"), problem)


def _compare_timeouts(action: Entries, context: Context) -> None:
    retry = action.child("retry_policy")
    timeout = seconds_at(action, "timeout", DEFAULT_TIMEOUT)
    if 0 < timeout < seconds_at(retry, "per_try_timeout", 0.0):
        problem = f"never reached: the route's timeout, {timeout:g}s, is shorter"
        context.report.warning(retry.value_place("per_try_timeout"), problem)


class Route(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.Route``."""

    refused: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("request_headers_to_add", "response_headers_to_add"), _SETS),
        **belongs_in("route: {…}", *RouteAction.model_fields),
        **not_yet(
            "redirect", "direct_response", "metadata", "decorator", "typed_per_filter_config", "tracing", "stat_prefix",
            "non_forwarding_action", "filter_action", "per_request_buffer_limit_bytes",
        ),
    }  # fmt: skip

    name: str = ""
    """For logs."""

    match: RouteMatch = RouteMatch()
    """Which requests take it; not given: every one."""

    route: RouteAction
    """Where they go."""

    request_mutation: Changes = ()
    """Strings set in the request. At most 1000."""

    response_mutation: Changes = ()
    """Strings set in the reply. At most 1000."""

    request_headers_to_remove: Annotated[Removals, Origin("envoy.config.route.v3.Route.request_headers_to_remove")] = ()
    """Keys of strings removed from the request, before others are set. At most 1000."""

    response_headers_to_remove: Annotated[
        Removals, Origin("envoy.config.route.v3.Route.response_headers_to_remove")
    ] = ()
    """Keys of strings removed from the reply, before others are set. At most 1000."""

    mutation_required: Annotated[Switch, OURS] = False
    """What becomes of a message that cannot carry the mutation. False: it goes on unchanged, and is counted; true: it
    fails."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of keys that are both removed and set."""
        for side in ("request", "response"):
            warn_of_removed_and_set(fields, context, changes=f"{side}_mutation", removals=f"{side}_headers_to_remove")

    def value(self) -> RouteConfig:
        """What the runtime reads."""
        action = self.route
        weighted = action.weighted_clusters.clusters if action.weighted_clusters is not None else ()
        return RouteConfig(
            name=self.name,
            metadata=tuple([each.value() for each in self.match.metadata]),
            cluster=action.cluster,
            weighted_clusters=tuple([each.value() for each in weighted]),
            metadata_match=_match(action.metadata_match),
            hash_policy=action.hash_policy,
            mirrors=tuple([each.value() for each in action.request_mirror_policies]),
            request_mutation=mutation_of(self.request_mutation, self.request_headers_to_remove),
            response_mutation=mutation_of(self.response_mutation, self.response_headers_to_remove),
            is_mutation_required=self.mutation_required,
            timeout=action.timeout or None,
            idle_timeout=action.idle_timeout or None,
            retry=action.retry_policy.value() if action.retry_policy is not None else None,
            priority=action.priority,
        )


class RouteConfiguration(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``: the first route that matches wins."""

    refused = not_yet(
        "virtual_hosts", "vhds", "internal_only_headers", "request_headers_to_add", "request_headers_to_remove",
        "response_headers_to_add", "response_headers_to_remove",
    )  # fmt: skip

    name: str = ""
    """For logs."""

    routes: Repeated[Route] = ()
    """In the order they are tried."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of the first route behind one that matches everything."""
        routes = fields.children("routes")
        for index, route in enumerate(routes[:-1]):
            if not _has_matchers(route):
                after = routes[index + 1]
                others = len(routes) - index - 2
                context.report.warning(
                    after.place,
                    f"never reached{f', like the {others} after it' if others else ''}: "
                    f"the route at line {route.place.line} matches every request",
                )
                return

    def value(self) -> RouteTableConfig:
        """What the runtime reads."""
        return RouteTableConfig(name=self.name, routes=tuple(each.value() for each in self.routes))


def _has_matchers(route: Entries) -> bool:
    match = route.get("match")
    return match is not None and (not isinstance(match, Entries) or any(match.values()))
