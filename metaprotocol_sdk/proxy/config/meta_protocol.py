"""The network filter: ``aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy``, and the filters of its own."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from metaprotocol_sdk.names import nearest, short_name
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, FilterModel, open_any
from metaprotocol_sdk.proxy.config.fields import Duration, Repeated, Text
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, OneOf, context_of, not_yet
from metaprotocol_sdk.proxy.config.protocol import ApplicationProtocol, Codec, inspect_protocol
from metaprotocol_sdk.proxy.config.route import RouteConfiguration
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import FilterConfig, ProtocolConfig, RouteTableConfig

TYPE_URL = TYPE_PREFIX + "aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy"
"""What ``'@type'`` of the network filter's configuration says."""

FILTER_PREFIX = "aeraki.meta_protocol.filters."
"""What the name of every filter of the chain begins with."""

ROUTER = FilterModel(FILTER_PREFIX + "router", TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.router.v1alpha.Router")
"""The filter that ends every chain; it has nothing to configure."""

_LATER_FILTERS = tuple(FILTER_PREFIX + name for name in ("ratelimit", "istio_stats"))


class MetaProtocolFilter(Message):
    """``MetaProtocolFilter``; ``typed_config`` is Envoy's newer name for ``config``."""

    one_of = (OneOf(("config", "typed_config")),)

    name: Text
    config: Any = None
    typed_config: Any = Field(default=None, validate_default=True)

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a name that no filter has, or that is missing what it must be told."""
        name = fields.get("name")
        if not isinstance(name, str) or not name:
            return
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
        extension = open_any(value, context.report)
        if extension is None:
            return None
        if not extension.is_a(model.type_url, context.report):
            return None
        return context.validate(model.model or Message, extension.fields)

    def value(self) -> FilterConfig:
        """What the runtime reads."""
        return FilterConfig(name=self.name, config=self.config if self.config is not None else self.typed_config)


def _default(model: type[BaseModel] | None) -> BaseModel | None:
    """What a filter gets that is configured with nothing; one that must be told something has been reported."""
    is_complete = model is not None and not any(field.is_required() for field in model.model_fields.values())
    return model() if model is not None and is_complete else None


def _model(name: str, context: Context) -> FilterModel | str | None:
    return ROUTER if name == ROUTER.name else context.filter_model(name)


def _unknown(name: str, context: Context) -> str:
    if name in _LATER_FILTERS:
        return f"{shown(name)} is {NOT_YET}"
    known = [ROUTER.name, *context.filters]
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
    return f"no filter is named {shown(name)}; {hint}"


class MetaProtocolProxy(Message):
    """``MetaProtocolProxy``: one protocol, its routes, and what every message passes through."""

    refused = not_yet("rds", "tracing", "access_log", "bind_upstream_connection")
    one_of = (OneOf(("route_config", "rds"), "required, and not there"),)

    stat_prefix: Text
    application_protocol: str = ""
    codec: Codec | None = None
    protocol: ApplicationProtocol | None = None
    route_config: RouteConfiguration = RouteConfiguration()
    meta_protocol_filters: Repeated[MetaProtocolFilter] = ()
    idle_timeout: Duration | None = None

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
        )

    def routes_value(self) -> RouteTableConfig:
        """The routes."""
        return self.route_config.value()

    def filters_value(self) -> tuple[FilterConfig, ...]:
        """The chain; none configured: the router alone."""
        return tuple(each.value() for each in self.meta_protocol_filters) or (FilterConfig(name=ROUTER.name),)
