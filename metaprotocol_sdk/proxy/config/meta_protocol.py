"""The network filter: ``aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy``, and the filters of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from metaprotocol_sdk.names import nearest, short_name
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import FILTER_PREFIX, TYPE_PREFIX, FilterModel, open_any
from metaprotocol_sdk.proxy.config.fields import OURS, Duration, Kind, Origin, Positive, Repeated, Text
from metaprotocol_sdk.proxy.config.message import Message, OneOf, belongs_in, context_of
from metaprotocol_sdk.proxy.config.protocol import ApplicationProtocol, Codec, inspect_protocol
from metaprotocol_sdk.proxy.config.route import RouteConfiguration
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import FilterConfig, ProtocolConfig, RouteTableConfig
from metaprotocol_sdk.proxy.config.waiting import WAITING_FILTERS, WAITING_MODELS, AccessLog, Rds, Tracing

TYPE_URL = TYPE_PREFIX + "aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy"
"""What ``'@type'`` of the network filter's configuration says."""

ROUTER = FilterModel(FILTER_PREFIX + "router", TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.router.v1alpha.Router")
"""The filter that ends every chain; it has nothing to configure."""


class MetaProtocolFilter(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.MetaProtocolFilter``: one of what every message passes through."""

    one_of = (OneOf(("config", "typed_config")),)

    name: Text
    """Which filter."""

    config: Annotated[Any, Kind("mapping")] = None
    """What the filter is told: its own fields, and ``'@type'`` which says whose they are."""

    typed_config: Annotated[Any, Kind("mapping"), Origin("HttpFilter.typed_config")] = Field(
        default=None, validate_default=True
    )
    """Envoy's newer name for ``config``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a name that no filter has, or that is missing what it must be told."""
        name = fields.get("name")
        if not isinstance(name, str) or not name:
            return
        if _waits(name, context):
            context.report.note(fields.value_place("name"), WAITING_FILTERS[name][1])
        model = _model(name, context)
        if not isinstance(model, FilterModel):
            context.report.error(fields.value_place("name"), model or _unknown(name, context))
        elif model.model is not None and fields.get("config") is None and fields.get("typed_config") is None:
            context.validate(model.model, fields.child("config"))

    @field_validator("config", "typed_config")
    @classmethod
    def _open(cls, value: Any, info: ValidationInfo) -> Any:
        context = context_of(info)
        model = _model(info.data.get("name", ""), context)
        if not isinstance(model, FilterModel):
            return None
        if value is None:
            return _default(model.model) if info.data.get("config") is None else None
        if not isinstance(value, Entries):
            raise expected("a mapping", value)
        extension = open_any(value, context.report, wanted=model.type_url)
        if extension is None:
            return None
        if not extension.is_a(model.type_url, context.report):
            return None
        return context.validate(model.model or Message, extension.fields)

    def value(self) -> FilterConfig | None:
        """What the runtime reads; None: the filter is not there yet."""
        config = self.config if self.config is not None else self.typed_config
        return None if isinstance(config, WAITING_MODELS) else FilterConfig(name=self.name, config=config)


def _default(model: type[BaseModel] | None) -> BaseModel | None:
    """What a filter gets that is configured with nothing; one that must be told something has been reported."""
    is_complete = model is not None and not any(field.is_required() for field in model.model_fields.values())
    return model() if model is not None and is_complete else None


def _model(name: str, context: Context) -> FilterModel | str | None:
    if name == ROUTER.name:
        return ROUTER
    return WAITING_FILTERS[name][0] if _waits(name, context) else context.filter_model(name)


def _waits(name: str, context: Context) -> bool:
    """Whether the filter is one that is not there yet, unless somebody has registered his own by that name."""
    return name in WAITING_FILTERS and name not in context.filters


def _unknown(name: str, context: Context) -> str:
    known = [ROUTER.name, *context.filters]
    # Without their prefix, which would make every one of upstream's resemble every other.
    by_short = {each.removeprefix(FILTER_PREFIX): each for each in (*known, *WAITING_FILTERS)}
    near = by_short.get(nearest(name.removeprefix(FILTER_PREFIX), by_short), "")
    own = "One of your own is known once the project that registers it in metaprotocol.filters is installed"
    hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}. {own}"
    return f"no filter is named {shown(name)}; {hint}"


class MetaProtocolProxy(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy``: one protocol, its routes, and what every message passes
    through."""

    refused = belongs_in("protocol: {…}", "bind_upstream_connection", "multiplexing")
    waiting: ClassVar[Mapping[str, str]] = {
        "rds": "accepted; routes from a management server are not there yet: this listener has none, so every request "
        "gets the error that no route matches",
        "tracing": "accepted; tracing is not there yet: no request leaves a trace",
        "access_log": "accepted; the access log is not there yet: no request is written to it",
    }
    one_of = (OneOf(("route_config", "rds"), "required, and not there"),)

    stat_prefix: Text
    """What the listener's counters are called by: ``meta_protocol.<protocol>.<stat_prefix>.``"""

    application_protocol: str = ""
    """The older ``protocol.name``."""

    codec: Codec | None = None
    """The older ``protocol.codec``."""

    protocol: ApplicationProtocol | None = None
    """What is spoken here; what it says wins over the two older fields."""

    route_config: RouteConfiguration = RouteConfiguration()
    """Where requests go; required, unless there is ``rds``."""

    rds: Rds | None = None
    """Where the routes come from. Waits: the listener has none."""

    meta_protocol_filters: Repeated[MetaProtocolFilter] = ()
    """What requests pass through, in this order, and replies in the other. The router is the last; none given: only it.
    """

    idle_timeout: Duration | None = None
    """Without activity in either direction and without a request in flight, until a client's connection is closed; not
    given or ``0s``: never."""

    request_timeout: Annotated[Duration | None, Origin("HttpConnectionManager.request_timeout")] = None
    """From the first byte of a client's message until it must be whole; a client that takes longer is read no more, and
    closed once its requests in flight are answered. Not given or ``0s``: as long as it likes, and a byte now and then
    keeps ``idle_timeout`` from ending it."""

    tracing: Tracing | None = None
    """Which requests leave a trace. Waits: none does."""

    access_log: Repeated[AccessLog] = ()
    """Where requests are told of. Waits: nowhere."""

    max_concurrent_requests: Annotated[Positive, OURS] = 256
    """Requests of one client in flight; more are not read until some are answered. As many streams of frames may be
    open; one more is an error reply."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Looks at the protocol, and that the router is the last filter and only that."""
        inspect_protocol(fields, context)
        filters = fields.children("meta_protocol_filters")
        for each in filters[:-1]:
            if each.get("name") == ROUTER.name:
                context.report.error(
                    each.value_place("name"), "expected the router to be the last filter: it ends the chain"
                )
        if filters and filters[-1].get("name") != ROUTER.name:
            context.report.error(filters[-1].value_place("name"), f"expected {ROUTER.name} as the last filter")

    def protocol_value(self) -> ProtocolConfig:
        """The protocol; ``protocol`` wins over the two deprecated fields that said the same."""
        protocol = self.protocol
        codec = (protocol.codec if protocol is not None else None) or self.codec
        assert codec is not None, "inspect_protocol has reported it"
        return ProtocolConfig(
            name=protocol.name if protocol is not None else self.application_protocol or short_name(codec.name),
            codec=codec.name,
            codec_config=codec.keyword_arguments(),
            multiplexing=protocol is not None and protocol.multiplexing,
            bind_upstream_connection=protocol is not None and protocol.bind_upstream_connection,
        )

    def routes_value(self) -> RouteTableConfig:
        """The routes; none while they are to come from a management server."""
        if self.rds is not None:
            return RouteTableConfig(name=self.rds.route_config_name)
        return self.route_config.value()

    def filters_value(self) -> tuple[FilterConfig, ...]:
        """The chain; none configured: the router alone."""
        values = tuple([value for each in self.meta_protocol_filters if (value := each.value()) is not None])
        return values or (FilterConfig(name=ROUTER.name),)
