"""What lies between a connection and its protocol: ``envoy.config.core.v3.TransportSocket``."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, open_any
from metaprotocol_sdk.proxy.config.fields import Kind, Text
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, context_of
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tls import DownstreamTlsContext, UpstreamTlsContext
from metaprotocol_sdk.proxy.config.tree import Entries

RAW_BUFFER = "envoy.transport_sockets.raw_buffer"
"""The name of what adds nothing."""

_EXTENSIONS = TYPE_PREFIX + "envoy.extensions.transport_sockets."
_RAW = _EXTENSIONS + "raw_buffer.v3.RawBuffer"
_TLS = _EXTENSIONS + "tls.v3."


class _TransportSocket(Message):
    """Of one side; a name, and a message that says its own type, which decides."""

    model: ClassVar[type[Message]]

    @field_validator("typed_config", check_fields=False)
    @classmethod
    def _open(cls, value: Any, info: ValidationInfo) -> Any:
        context = context_of(info)
        wanted = _TLS + cls.model.__name__
        if value is None:
            if info.data.get("name") not in (RAW_BUFFER, None):
                raise ValueError(f"required, and not there: a mapping with '@type', {wanted}")
            return None
        if not isinstance(value, Entries):
            raise expected("a mapping", value)
        extension = open_any(value, context.report, wanted=wanted)
        if extension is None:
            return None
        if extension.type_url == _RAW:
            context.validate(Message, extension.fields)
            return None
        if extension.type_url == wanted:
            return context.validate(cls.model, extension.fields)
        is_tls = extension.type_url.startswith(_TLS)
        problem = "is the other side's" if is_tls else f"is {NOT_YET}"
        context.report.error(extension.place, f"{shown(extension.type_url)} {problem}; supported: {wanted}, {_RAW}")
        return None


class DownstreamTransportSocket(_TransportSocket):
    """``envoy.config.core.v3.TransportSocket`` of a listener's filter chain."""

    model = DownstreamTlsContext

    name: Text
    """``envoy.transport_sockets.tls``, or ``envoy.transport_sockets.raw_buffer`` for no TLS."""

    typed_config: Annotated[Any, Kind("mapping", DownstreamTlsContext)] = Field(default=None, validate_default=True)
    """A DownstreamTlsContext or a RawBuffer: its fields, and ``'@type'``."""


class UpstreamTransportSocket(_TransportSocket):
    """``envoy.config.core.v3.TransportSocket`` of a cluster."""

    model = UpstreamTlsContext

    name: Text
    """``envoy.transport_sockets.tls``, or ``envoy.transport_sockets.raw_buffer`` for no TLS."""

    typed_config: Annotated[Any, Kind("mapping", UpstreamTlsContext)] = Field(default=None, validate_default=True)
    """An UpstreamTlsContext or a RawBuffer: its fields, and ``'@type'``."""
