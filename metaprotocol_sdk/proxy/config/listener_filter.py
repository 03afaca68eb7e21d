"""What a connection goes through before its filter chain: ``envoy.config.listener.v3.ListenerFilter``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, PlainValidator, ValidationInfo, field_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, open_any
from metaprotocol_sdk.proxy.config.fields import Kind, Switch, Text, word
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, context_of, not_yet
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import ProxyProtocolConfig

PROXY_PROTOCOL = "envoy.filters.listener.proxy_protocol"
"""The filter that reads who a connection is for."""

TLS_INSPECTOR = "envoy.filters.listener.tls_inspector"
"""The filter that tells filter chains apart, of which there is one here."""

TYPE_URL = TYPE_PREFIX + "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"
"""What ``'@type'`` of its configuration says."""

_NO_INSPECTION = "accepted, and without effect: there is one filter chain, which needs no telling from others"
_VERSIONS = {"V1": 1, "V2": 2}


class ProxyProtocol(Message):
    """``envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol``: who connects says first for whom, as
    HAProxy's PROXY protocol has it."""

    refused = not_yet("rules", "pass_through_tlvs", "stat_prefix")

    allow_requests_without_proxy_protocol: Switch = False
    """Whether a connection may begin without it. Only where everybody who can connect is trusted: anybody else could
    say that he is somebody."""

    disallowed_versions: tuple[Annotated[int, PlainValidator(word(_VERSIONS))], ...] = ()
    """``V1`` or ``V2``: versions that are refused. Not given: both are taken."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports that no version is left."""
        refused = fields.get("disallowed_versions")
        if isinstance(refused, list) and {*_VERSIONS} <= {each for each in refused if isinstance(each, str)}:
            problem = "expected to leave one version, and both are listed"
            context.report.error(fields.value_place("disallowed_versions"), problem)

    def value(self) -> ProxyProtocolConfig:
        """What the runtime reads."""
        versions = frozenset(_VERSIONS.values()) - frozenset(self.disallowed_versions)
        return ProxyProtocolConfig(is_optional=self.allow_requests_without_proxy_protocol, versions=versions)


class ListenerFilter(Message):
    """``envoy.config.listener.v3.ListenerFilter``, of the kinds there are."""

    refused = not_yet("config_discovery", "filter_disabled")

    name: Text
    """``envoy.filters.listener.proxy_protocol``; ``envoy.filters.listener.tls_inspector`` does nothing here."""

    typed_config: Annotated[Any, Kind("mapping", ProxyProtocol)] = Field(default=None, validate_default=True)
    """A ProxyProtocol: its fields, and ``'@type'``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a name that is none of those, and notes one that does nothing."""
        name = fields.get("name")
        if name == TLS_INSPECTOR:
            context.report.note(fields.value_place("name"), _NO_INSPECTION)
        elif isinstance(name, str) and name and name != PROXY_PROTOCOL:
            problem = f"the listener filter {shown(name)} is {NOT_YET}; supported: {PROXY_PROTOCOL}"
            context.report.error(fields.value_place("name"), problem)

    @field_validator("typed_config")
    @classmethod
    def _open(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("name") != PROXY_PROTOCOL:
            return None
        if value is None:
            return ProxyProtocol()
        if not isinstance(value, Entries):
            raise expected("a mapping", value)
        context = context_of(info)
        extension = open_any(value, context.report, wanted=TYPE_URL)
        if extension is None or not extension.is_a(TYPE_URL, context.report):
            return None
        return context.validate(ProxyProtocol, extension.fields)
