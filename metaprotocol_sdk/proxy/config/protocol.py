"""The application protocol: its codec, found and tried while the file is read, and how connections carry it."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from pydantic import Field

from metaprotocol_sdk.codec import Codec as CodecClass
from metaprotocol_sdk.exceptions import CodecLoadError
from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import open_any
from metaprotocol_sdk.proxy.config.fields import Data, Origin, Switch, Text
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, plain
from metaprotocol_sdk.registry import load_codec

_SIMPLE_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "bool": ((bool,), "true or false"),
    "float": ((float, int), "a number"),
    "int": ((int,), "a whole number"),
    "str": ((str,), "text"),
}
"""Annotations of a codec's settings: the types that values of a file have then, and what they are called."""


class Codec(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.Codec``: a registered name, and the codec's own keyword arguments as
    ``config``."""

    name: Text
    """A registered codec: ``aeraki.meta_protocol.codec.thrift``, or only ``thrift``; or ``package.module:Class``."""

    config: Data = Field(default_factory=dict)
    """The codec's own settings, its keyword arguments; an ``'@type'`` among them is not looked at."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Finds the codec and makes one, so that what it refuses is said with its place in the file."""
        name, config = fields.get("name"), fields.get("config")
        if not isinstance(name, str) or not name or not isinstance(config, Entries | None):
            return
        codec = context.codec(name)
        if isinstance(codec, str):
            context.report.error(fields.value_place("name"), codec)
        elif config is None:
            _try_codec(name, {}, fields, context.report)
        elif (arguments := _arguments(config, context.report)) is not None and _takes(codec, arguments, context.report):
            _try_codec(name, plain(arguments), fields, context.report)

    def keyword_arguments(self) -> dict[str, Any]:
        """What the codec is made with: ``config``, without what says its type in Envoy."""
        if "@type" not in self.config:
            return self.config
        direct = {key: value for key, value in self.config.items() if key != "@type"}
        return direct.get("value", {}) if direct.keys() & {"type_url", "typeUrl"} else direct


class ApplicationProtocol(Message):
    """``aeraki.meta_protocol_proxy.v1alpha.ApplicationProtocol``."""

    name: Text
    """What the protocol is called: requests say it as ``x-meta-protocol-application-protocol``."""

    codec: Codec | None = None
    """What reads and writes its messages; required, unless the older ``codec`` is there."""

    multiplexing: Switch = False
    """Whether a connection to a server carries many requests at once, of all clients; it needs request ids."""

    bind_upstream_connection: Annotated[Switch, Origin("GenericRouter.bind_upstream_connection")] = False
    """Whether each client's connection has one to a server of its own, for protocols that remember; with
    ``multiplexing`` it carries that client's requests at once."""


def inspect_protocol(fields: Entries, context: Context) -> None:
    """Reports a MetaProtocolProxy without a codec, or one that multiplexes a protocol without request ids."""
    protocol = fields.child("protocol")
    codec = protocol if protocol.get("codec") is not None else fields
    if codec.get("codec") is None:
        missing = "required, and not there: protocol: {name: …, codec: {name: …}} says what is spoken here"
        given = "protocol" in fields
        context.report.error(protocol.value_place("codec") if given else fields.value_place("protocol"), missing)
    name = codec.child("codec").get("name")
    found = context.codec(name) if isinstance(name, str) and name else ""
    if protocol.get("multiplexing") is True and not isinstance(found, str) and not found.request_ids:
        context.report.error(
            protocol.value_place("multiplexing"),
            f"expected false: messages of {shown(name)} have no request id that pairs a reply with its request, so "
            "several requests cannot share a connection",
        )


def _arguments(config: Entries, report: Report) -> Entries | None:
    if "@type" not in config:
        return config
    opened = open_any(config, report)
    return opened.fields if opened is not None else None


def _takes(codec: type[CodecClass], arguments: Entries, report: Report) -> bool:
    """Reports every argument that the codec has not, at its place."""
    parameters = inspect.signature(codec).parameters.values()
    named = [each for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)]
    unfit = [each for each in named if each.name in arguments and not _fits(each, arguments, report)]
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return not unfit
    known = [each.name for each in named]
    unknown = [key for key in arguments if key not in known]
    for key in unknown:
        near = nearest(key, known) if len(key) < 100 else ""
        instead = f"did you mean {near}?" if near else f"it takes {', '.join(known) or 'none'}"
        report.error(arguments.key_place(key), f"the codec has no setting {shown(key)}; {instead}")
    return not unfit and not unknown


def _fits(parameter: inspect.Parameter, arguments: Entries, report: Report) -> bool:
    """Reports an argument of another type than the codec says. Python would not look, and fail later in its own words.

    An annotation is looked at where it is one of a few simple types; what else a codec takes is its own affair.
    """
    said = parameter.annotation
    types, what = _SIMPLE_TYPES.get(said if isinstance(said, str) else getattr(said, "__name__", ""), (None, ""))
    value = arguments[parameter.name]
    if types is None or type(value) in types:
        return True
    quotes = "; put it in quotes" if types == (str,) and isinstance(value, bool | int | float) else ""
    problem = f"expected {what}, found {shown(value)}{quotes}"
    report.error(arguments.value_place(parameter.name), problem)
    return False


def _try_codec(name: str, arguments: dict[str, Any], fields: Entries, report: Report) -> None:
    place = fields.value_place("config" if "config" in fields else "name")
    try:
        load_codec(name, **arguments)
    except CodecLoadError as error:
        report.error(place, str(error))
