"""What ``layered_runtime`` says of the keys a configuration names: Envoy's runtime, without its admin interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Place

_MAX_SHOWN = 5
_FRACTION_KEYS = frozenset(["numerator", "denominator"])
_LOOKED_UP = "the runtime_key of fractions and numbers, and upstream.maintenance_mode.<cluster> only"


class Runtime:
    """Values by dotted key. Of several layers the last that has a key wins.

    A mapping with ``numerator`` or ``denominator`` is a value, an ``envoy.type.v3.FractionalPercent``; any other
    mapping is a part of the keys: ``{mirror: {share: 5}}`` is ``mirror.share``.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[Any, Place]] = {}
        self._read: set[str] = set()

    def add(self, layer: Mapping[str, Any], place: Place) -> None:
        """One more ``static_layer``, over those before it.

        Args:
            layer: Its fields.
            place: Where it is.
        """
        self._values |= {key: (value, place) for key, value in _flat(layer).items()}

    def find(self, key: str) -> Any:
        """The value of a ``runtime_key``; None: no layer has it."""
        self._read.add(key)
        return self._values[key][0] if key in self._values else None

    def report_unread(self, report: Report) -> None:
        """Notes the keys that nothing has looked up, all at once."""
        unread = sorted(self._values.keys() - self._read)
        if unread:
            more = f" and {len(unread) - _MAX_SHOWN} more" if len(unread) > _MAX_SHOWN else ""
            named = ", ".join(unread[:_MAX_SHOWN]) + more
            problem = f"without effect in this proxy, which looks up {_LOOKED_UP}: {named}"
            report.note(self._values[unread[0]][1], problem)


def percentage(found: Any) -> float | None:
    """The share, 0 to 1, that a runtime value is as a percentage; None: it is no whole number, as Envoy reads it."""
    if isinstance(found, str) and found.isdecimal():
        found = int(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    return min(1.0, found / 100) if type(found) is int and found >= 0 else None


def _flat(layer: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in layer.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and not _FRACTION_KEYS & value.keys():
            values |= _flat(value, f"{name}.")
        else:
            values[name] = value
    return values
