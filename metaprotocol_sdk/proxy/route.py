"""Which cluster a request goes to: ``aeraki.meta_protocol_proxy.config.route.v1alpha.RouteConfiguration``."""

from __future__ import annotations

from dataclasses import dataclass

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.values import RouteConfig, RouteTableConfig
from metaprotocol_sdk.proxy.match import Matcher, all_match


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Conditions, and what happens to a request that meets all of them.

    Args:
        name: For logs and statistics; may be empty.
        matchers: All must hold; none: every request matches.
        cluster: The name of the cluster it goes to, which need not exist.
        request_mutation: What the request's strings become on the way out.
        response_mutation: What the reply's strings become on the way back.
        timeout: Seconds until the client gets an error instead of a reply; None: never.
    """

    name: str = ""
    matchers: tuple[Matcher, ...] = ()
    cluster: str
    request_mutation: Mutation = NO_MUTATION
    response_mutation: Mutation = NO_MUTATION
    timeout: float | None = 15.0

    @classmethod
    def from_config(cls, config: RouteConfig) -> Route:
        """The route that ``config`` spells, its keys folded."""
        return cls(
            name=config.name,
            matchers=tuple(map(Matcher.from_config, config.metadata)),
            cluster=config.cluster,
            request_mutation=config.request_mutation,
            response_mutation=config.response_mutation,
            timeout=config.timeout,
        )


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Routes in order."""

    routes: tuple[Route, ...]

    @classmethod
    def from_config(cls, config: RouteTableConfig) -> RouteTable:
        """The table that ``config`` spells."""
        return cls(tuple(map(Route.from_config, config.routes)))

    def match(self, metadata: Metadata) -> Route | None:
        """The first route whose conditions all hold, or None.

        Raises:
            DecodeError: Reaching a deferred string found the message malformed.
        """
        for route in self.routes:
            if all_match(route.matchers, metadata):
                return route
        return None
