"""What ``layered_runtime`` says of the keys a configuration names: Envoy's runtime, without its admin interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Place

_MAX_SHOWN = 5
_FRACTION_KEYS = frozenset(["numerator", "denominator"])


class Runtime:
    """Values by dotted key. Of several layers the last that has a key wins.

    A mapping with ``numerator`` or ``denominator`` is a value, an ``envoy.type.v3.FractionalPercent``; any other
    mapping is a part of the keys: ``{mirror: {share: 5}}`` is ``mirror.share``.
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._read: set[str] = set()
        self._place: Place | None = None

    def add(self, layer: Mapping[str, Any], place: Place) -> None:
        """One more ``static_layer``, over those before it.

        Args:
            layer: Its fields.
            place: Where the layers are, for :meth:`report_unread`.
        """
        self._place = place
        self._values |= _flat(layer)

    def find(self, key: str) -> Any:
        """The value of a ``runtime_key``; None: no layer has it."""
        self._read.add(key)
        return self._values.get(key)

    def report_unread(self, report: Report) -> None:
        """Notes the keys that nothing has looked up."""
        unread = sorted(self._values.keys() - self._read)
        if unread and self._place is not None:
            more = f" and {len(unread) - _MAX_SHOWN} more" if len(unread) > _MAX_SHOWN else ""
            named = ", ".join(unread[:_MAX_SHOWN]) + more
            report.note(
                self._place, f"without effect in this proxy, which looks up the runtime_key of fractions: {named}"
            )


def _flat(layer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in layer.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and not _FRACTION_KEYS & value.keys():
            values |= _flat(value, f"{name}.")
        else:
            values[name] = value
    return values
