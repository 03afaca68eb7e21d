"""Envoy's extensions: a name, and a configuration in a ``google.protobuf.Any`` that says its own type.

::

    typed_config:                                     typed_config:
      '@type': type.googleapis.com/a.b.Message          '@type': type.googleapis.com/udpa.type.v1.TypedStruct
      field: value                                      type_url: type.googleapis.com/a.b.Message
                                                        value: {field: value}
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, Place

TYPE_PREFIX = "type.googleapis.com/"
"""What a type URL begins with."""

FILTER_PREFIX = "aeraki.meta_protocol.filters."
"""What the name of every filter of upstream's begins with."""

_TYPED_STRUCTS = frozenset(TYPE_PREFIX + name for name in ("udpa.type.v1.TypedStruct", "xds.type.v3.TypedStruct"))


@dataclass(frozen=True, slots=True)
class FilterModel:
    """How the configuration of one kind of ``meta_protocol_filters`` is read.

    A filter declares it, the server hands it to the loader, and the loader needs to know no filter.

    Args:
        name: The filter's registered name: ``aeraki.meta_protocol.filters.router``.
        type_url: What ``'@type'`` of its configuration says.
        model: What its fields are, a :class:`~metaprotocol_sdk.proxy.config.message.Message`; the filter gets the
            validated instance. None: it has no fields.
    """

    name: str
    type_url: str
    model: type[BaseModel] | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """One opened ``Any``: the type it says it is, where it says so, and its fields."""

    type_url: str
    place: Place
    fields: Entries

    def is_a(self, type_url: str, report: Report) -> bool:
        """Whether it is of that type; reported when it is not."""
        if self.type_url != type_url:
            report.error(self.place, f"expected {type_url}, found {shown(self.type_url)}")
        return self.type_url == type_url


def open_any(value: Entries, report: Report, *, wanted: str = "") -> Extension | None:
    """What is in an ``Any``, whether written directly or as a ``TypedStruct``; None: an error, reported.

    Args:
        value: The ``Any``, as it is written.
        report: Gets the errors.
        wanted: The only type that can be meant, where there is one: a sentence about a missing type names it.
    """
    type_url = _type_url(value, "@type", report, wanted)
    if type_url not in _TYPED_STRUCTS:
        return Extension(type_url, value.value_place("@type"), value.without("@type")) if type_url else None
    for key in value:
        if key not in ("@type", "type_url", "typeUrl", "value"):
            report.error(value.key_place(key), "unknown key; a TypedStruct has type_url and value")
    key = "typeUrl" if "typeUrl" in value else "type_url"
    inner = _type_url(value, key, report, wanted)
    fields = value.get("value", Entries(value.node, value, "value"))
    if not isinstance(fields, Entries):
        report.error(value.value_place("value"), f"expected a mapping, found {shown(fields)}")
        return None
    return Extension(inner, value.value_place(key), fields) if inner else None


def _type_url(value: Entries, key: str, report: Report, wanted: str) -> str:
    found = value.get(key)
    if found is None:
        example = wanted or f"as {TYPE_PREFIX}…"
        report.error(value.value_place(key), f"required, and not there: it says the type, {example}")
    elif not isinstance(found, str) or not found:
        report.error(value.value_place(key), f"expected a type, as {TYPE_PREFIX}…, found {shown(found)}")
    else:
        return found
    return ""
