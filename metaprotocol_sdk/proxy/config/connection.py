"""How long connections to a cluster's servers are used: the protocol options of ``envoy.config.cluster.v3.Cluster``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, open_any
from metaprotocol_sdk.proxy.config.fields import Count, Duration, Kind
from metaprotocol_sdk.proxy.config.message import NOT_YET, Message, context_of, not_yet
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
"""What ``typed_extension_protocol_options`` calls the options of HTTP, which are accepted and do nothing."""

TCP_OPTIONS = "envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions"
"""What it calls those of other protocols."""

NO_HTTP = "accepted, and without effect: this proxy speaks no HTTP to servers"
"""What is said of options that are HTTP's."""


class HttpProtocolOptions(Message):
    """``envoy.config.core.v3.HttpProtocolOptions``, the part that is about connections and not about HTTP."""

    refused = not_yet(
        "max_headers_count", "max_response_headers_kb", "max_stream_duration", "headers_with_underscores_action"
    )

    idle_timeout: Duration | None = None
    """An unused connection is closed after this; ``0s``: never. Not given: 10 minutes, as Envoy's TCP pool has it."""

    max_connection_duration: Duration | None = None
    """After this a connection takes no more requests; not given or ``0s``: no limit."""

    max_requests_per_connection: Count | None = None
    """After so many a connection takes no more requests; not given or 0: no limit."""


class TcpProtocolOptions(Message):
    """``envoy.extensions.upstreams.tcp.v3.TcpProtocolOptions``."""

    idle_timeout: Duration | None = None
    """Says what ``common_http_protocol_options.idle_timeout`` says; only one of them can."""


def _read_options(value: Any, info: ValidationInfo) -> TcpProtocolOptions | None:
    """The TcpProtocolOptions of a ``typed_extension_protocol_options``."""
    if not isinstance(value, Entries):
        raise expected("a mapping", value)
    context = context_of(info)
    found = None
    for name, options in value.items():
        if name == HTTP_OPTIONS:
            context.report.note(value.key_place(name), NO_HTTP)
        elif name != TCP_OPTIONS:
            context.report.error(value.key_place(name), f"{shown(name)} is {NOT_YET}; supported: {TCP_OPTIONS}")
        elif not isinstance(options, Entries):
            context.report.error(value.value_place(name), f"expected a mapping, found {shown(options)}")
        else:
            type_url = TYPE_PREFIX + TCP_OPTIONS
            extension = open_any(options, context.report, wanted=type_url)
            if extension is not None and extension.is_a(type_url, context.report):
                found = context.validate(TcpProtocolOptions, extension.fields)
    return found


Options = Annotated[
    TcpProtocolOptions | None, PlainValidator(_read_options), Kind("mapping by name", TcpProtocolOptions)
]
"""``typed_extension_protocol_options``: a mapping of extension names to what they have to say."""


def report_doubles(cluster: Entries, context: Context) -> None:
    """Reports what a cluster says in two places.

    Args:
        cluster: Its fields, as they are written.
        context: Gets the errors.
    """
    common = cluster.child("common_http_protocol_options")
    tcp = cluster.child("typed_extension_protocol_options").child(TCP_OPTIONS)
    for fields, key in ((cluster, "max_requests_per_connection"), (tcp, "idle_timeout")):
        if fields.get(key) is not None and common.get(key) is not None:
            problem = f"given already at line {common.key_place(key).line}, as common_http_protocol_options.{key}"
            context.report.error(fields.key_place(key), problem)
