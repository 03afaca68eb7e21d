"""Messages that are read and checked, and wait for the part of the proxy that will use them.

Their readers say with a note what the proxy does meanwhile.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, field_validator

from metaprotocol_sdk.proxy.config.circuit_breakers import Percent
from metaprotocol_sdk.proxy.config.extension import FILTER_PREFIX, TYPE_PREFIX, FilterModel, open_any
from metaprotocol_sdk.proxy.config.fields import Count, Data, Duration, Kind, Repeated, Switch, Text
from metaprotocol_sdk.proxy.config.message import Message, context_of
from metaprotocol_sdk.proxy.config.route import RouteMatch
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries


class Rds(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.Rds``: routes from a management server."""

    config_source: Data
    """``envoy.config.core.v3.ConfigSource``: where the server is."""

    route_config_name: Text
    """What it calls the routes."""


class Tracing(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.Tracing``: which requests leave a trace."""

    client_sampling: Percent = Percent(value=100.0)
    """Of requests with ``x-client-trace-id``."""

    random_sampling: Percent = Percent(value=100.0)
    """Of others."""

    overall_sampling: Percent = Percent(value=100.0)
    """Of what the others chose."""

    verbose: Switch = False
    """Whether a trace says more."""

    max_tag_length: Count = 256
    """Characters of the longest tag."""

    provider: Data | None = None
    """``envoy.config.trace.v3.Tracing.Http``: where traces go."""


class AccessLog(Message):
    """``envoy.config.accesslog.v3.AccessLog``."""

    name: Text
    """Which access log, such as ``envoy.access_loggers.file``."""

    filter: Data | None = None
    """Which requests it tells of."""

    typed_config: Annotated[Any, Kind("mapping")] = None
    """How it tells."""

    @field_validator("typed_config")
    @classmethod
    def _open(cls, value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, Entries):
            raise expected("a mapping", value)
        return open_any(value, context_of(info).report)


class Descriptor(Message):
    """``aeraki.meta_protocol_proxy.filters.ratelimit.v1alpha.Descriptor``: one string of a request to count by."""

    property: Text
    """The string's key."""

    descriptor_key: Text
    """What the rate limit service calls it."""


class RateLimit(Message):
    """``aeraki.meta_protocol_proxy.filters.ratelimit.v1alpha.RateLimit``: limits that a service of its own counts."""

    match: RouteMatch = RouteMatch()
    """Which requests are counted."""

    domain: Text
    """The limits' name at the service."""

    timeout: Duration = 0.02
    """How long the service has to answer."""

    failure_mode_deny: Switch = False
    """Whether a request is refused that the service says nothing of."""

    rate_limit_service: Data
    """Where the service is."""

    descriptors: Annotated[Repeated[Descriptor], Field(min_length=1)]
    """What is counted by."""


class IstioStats(Message):
    """``aeraki.meta_protocol_proxy.filters.istio_stats.v1alpha.IstioStats``: Istio's standard metrics."""

    destination_service: str = ""
    """The service an inbound listener is for."""


def _model(name: str, package: str, model: type[Message]) -> FilterModel:
    type_url = f"{TYPE_PREFIX}aeraki.meta_protocol_proxy.filters.{package}.v1alpha.{model.__name__}"
    return FilterModel(FILTER_PREFIX + name, type_url, model)


WAITING_FILTERS = {
    each.name: (each, note)
    for each, note in (
        (
            _model("ratelimit", "ratelimit", RateLimit),
            "accepted; the global rate limit is not there yet: no request is counted or refused by it",
        ),
        (
            _model("istio_stats", "istio_stats", IstioStats),
            "accepted; Istio's metrics are not there yet: the proxy counts under its own names alone",
        ),
    )
}
"""How each filter that waits is configured, and what its note says, by name. They are not in the chain."""

WAITING_MODELS = (RateLimit, IstioStats)
"""What their configurations are."""
