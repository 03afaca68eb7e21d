"""Routes: the messages of ``aeraki.meta_protocol_proxy.config.route.v1alpha``, and the matchers they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Duration, Off, Repeated, Text
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, OneOf, not_yet
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, RouteConfig, RouteTableConfig

MAX_KEY_VALUE = 16384
"""Bytes a mutation's key, and its value, may have."""

MAX_MUTATIONS = 1000
"""Changes one mutation may make."""

_MATCHES = ("exact_match", "prefix_match", "suffix_match", "contains_match", "safe_regex_match", "range_match")
_STRINGS = ("exact", "prefix", "suffix", "contains", "safe_regex", "custom")
_PATHS = ("prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "path_match_policy")
_PRESENT = f"expected exact_match, prefix_match or string_match; a matcher that only asks for the key is {NOT_YET}"


class StringMatcher(Message):
    """``envoy.type.matcher.v3.StringMatcher``."""

    refused = not_yet("suffix", "contains", "safe_regex", "custom")
    one_of = (OneOf(_STRINGS, "expected exact or prefix"),)

    exact: str | None = None
    prefix: Text | None = None
    ignore_case: Off = False


class HeaderMatcher(Message):
    """``envoy.config.route.v3.HeaderMatcher``: what one string of a message must be."""

    refused = not_yet("suffix_match", "contains_match", "safe_regex_match", "range_match", "present_match")
    one_of = (OneOf((*_MATCHES, "present_match", "string_match"), _PRESENT),)

    name: Text
    exact_match: str | None = None
    prefix_match: Text | None = None
    string_match: StringMatcher | None = None
    invert_match: Off = False
    treat_missing_header_as_empty: Off = False

    def value(self) -> MatcherConfig:
        """What the runtime reads."""
        exact, prefix = self.exact_match, self.prefix_match
        if self.string_match is not None:
            exact, prefix = self.string_match.exact, self.string_match.prefix
        if exact is not None:
            return MatcherConfig(self.name, MatchKind.EXACT, exact)
        assert prefix is not None, "one_of has reported it"
        return MatcherConfig(self.name, MatchKind.PREFIX, prefix)


class RouteMatch(Message):
    """``RouteMatch``: all matchers must hold; none match everything."""

    refused: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("headers", *_PATHS), "this is HTTP's; a message is matched by metadata: [{name, exact_match}]"
        ),
        **not_yet("case_sensitive", "runtime_fraction", "query_parameters", "grpc", "tls_context", "dynamic_metadata"),
    }

    metadata: Repeated[HeaderMatcher] = ()


class RouteAction(Message):
    """``RouteAction``; ``timeout`` is ``envoy.config.route.v3.RouteAction.timeout``: 15 s by default, 0s: never."""

    refused = not_yet(
        "weighted_clusters", "cluster_header", "hash_policy", "request_mirror_policies", "retry_policy",
        "idle_timeout", "max_stream_duration", "rate_limits", "metadata_match", "hedge_policy", "priority",
        "cluster_not_found_response_code", "cluster_specifier_plugin", "inline_cluster_specifier_plugin",
        "prefix_rewrite", "host_rewrite_literal", "auto_host_rewrite", "internal_redirect_policy",
    )  # fmt: skip
    one_of = (
        OneOf(
            ("cluster", "weighted_clusters", "cluster_header", "cluster_specifier_plugin"), "required, and not there"
        ),
    )

    cluster: Text = ""
    timeout: Duration = 15.0

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Has the cluster looked up when all are known."""
        if "cluster" in fields:
            context.refer_to_cluster(fields, "cluster")


class KeyValue(Message):
    """``KeyValue``: one change of a mutation."""

    refused = not_yet("append", "append_action", "header", "keep_empty_value")

    key: Text
    value: str = ""

    @field_validator("key", "value")
    @classmethod
    def _is_bounded(cls, text: str) -> str:
        if len(text) > MAX_KEY_VALUE or len(text.encode()) > MAX_KEY_VALUE:
            raise ValueError(f"expected at most {MAX_KEY_VALUE} bytes of UTF-8, found {len(text.encode())}")
        return text


Changes = Annotated[Repeated[KeyValue], Field(max_length=MAX_MUTATIONS)]
"""What a mutation is written as."""


class Route(Message):
    """``Route``."""

    refused = not_yet(
        "redirect", "direct_response", "metadata", "decorator", "typed_per_filter_config", "request_headers_to_add",
        "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove", "tracing",
        "stat_prefix", "non_forwarding_action", "filter_action", "per_request_buffer_limit_bytes",
    )  # fmt: skip

    name: str = ""
    match: RouteMatch = RouteMatch()
    route: RouteAction
    request_mutation: Changes = ()
    response_mutation: Changes = ()

    def value(self) -> RouteConfig:
        """What the runtime reads."""
        return RouteConfig(
            name=self.name,
            metadata=tuple(each.value() for each in self.match.metadata),
            cluster=self.route.cluster,
            request_mutation=Mutation((each.key, each.value) for each in self.request_mutation),
            response_mutation=Mutation((each.key, each.value) for each in self.response_mutation),
            timeout=self.route.timeout or None,
        )


class RouteConfiguration(Message):
    """``RouteConfiguration``: the first route that matches wins."""

    refused = not_yet(
        "virtual_hosts", "vhds", "internal_only_headers", "request_headers_to_add", "response_headers_to_add"
    )

    name: str = ""
    routes: Repeated[Route] = ()

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
