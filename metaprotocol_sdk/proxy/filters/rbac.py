"""Who may ask for what: ``aeraki.meta_protocol.filters.rbac``.

The configuration is that of Envoy's RBAC filters. ``rules`` decide; ``shadow_rules`` only count what they would
decide. What differs from Envoy: ``LOG`` counts what Envoy leaves to an access log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, FilterModel
from metaprotocol_sdk.proxy.config.fields import Origin, Text
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterType, Verdict
from metaprotocol_sdk.proxy.filters.rbac_rules import Action, Rules, one_of
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.stream import Stream

_DENIED = Error(ErrorType.UNSPECIFIED, "RBAC: access denied", "UAEX")


class Rbac(Message):
    """``aeraki.meta_protocol_proxy.filters.rbac.v1alpha.RBAC``: Envoy's ``envoy.extensions.filters.http.rbac.v3.RBAC``,
    with the ``stat_prefix`` of ``envoy.extensions.filters.network.rbac.v3.RBAC``."""

    refused = not_yet("matcher", "shadow_matcher", "track_per_rule_stats", "enforcement_type", "delay_deny")

    stat_prefix: Text
    """The counters are `meta_protocol.<stat_prefix>.rbac.allowed` and so on."""

    rules: Rules | None = None
    """What decides. Not given: every request passes."""

    shadow_rules: Rules | None = None
    """What is counted as if it decided. `rules` or `shadow_rules` must be there."""

    shadow_rules_stat_prefix: Annotated[str, Origin("RBAC.shadow_rules_stat_prefix")] = ""
    """What the names of the shadow's counters begin with, behind the prefix of all."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a filter that decides nothing."""
        if fields.get("rules") is None and fields.get("shadow_rules") is None:
            problem = "required, unless there are shadow_rules: with neither of them nothing is decided"
            context.report.error(fields.value_place("rules"), problem)


@dataclass(slots=True, eq=False)
class RbacStats(Counters):
    """What ``rules`` said: requests that passed, that did not, and that a ``LOG`` policy matched."""

    allowed: int = 0
    denied: int = 0
    logged: int = 0


@dataclass(slots=True, eq=False)
class ShadowRbacStats(Counters):
    """What ``shadow_rules`` would have said, as :class:`RbacStats`."""

    shadow_allowed: int = 0
    shadow_denied: int = 0
    shadow_logged: int = 0


class AccessControl(Filter):
    """Answers requests that the rules do not let pass with an error; a oneway is dropped.

    Args:
        config: The rules.
    """

    def __init__(self, config: Rbac) -> None:
        self.stats = RbacStats()
        self.shadow_stats = ShadowRbacStats()
        self._decide = None if config.rules is None else _decision(config.rules)
        self._shadow = None if config.shadow_rules is None else _decision(config.shadow_rules)

    @classmethod
    def from_config(cls, config: Rbac, context: FilterContext) -> AccessControl:
        """The filter of one listener, its counters registered."""
        control = cls(config)
        prefix = f"meta_protocol.{config.stat_prefix}.rbac."
        context.register(prefix, control.stats)
        context.register(prefix + config.shadow_rules_stat_prefix, control.shadow_stats)
        return control

    def on_request(self, stream: Stream) -> Verdict:
        """Lets the request pass, or refuses it."""
        if self._shadow is not None:
            self._count_shadow(*self._shadow(stream))
        if self._decide is None:
            return None
        is_allowed, is_logged = self._decide(stream)
        self.stats.logged += is_logged
        if is_allowed:
            self.stats.allowed += 1
            return None
        self.stats.denied += 1
        return _DENIED

    def _count_shadow(self, is_allowed: bool, is_logged: bool) -> None:
        stats = self.shadow_stats
        stats.shadow_logged += is_logged
        stats.shadow_allowed += is_allowed
        stats.shadow_denied += not is_allowed


def _decision(rules: Rules) -> Callable[[Stream], tuple[bool, bool]]:
    """What says of a stream whether it passes, and whether it is logged."""
    matches = one_of(rules.policies[name].test() for name in sorted(rules.policies))
    if rules.action is Action.ALLOW:
        return lambda stream: (matches(stream), False)
    if rules.action is Action.DENY:
        return lambda stream: (not matches(stream), False)
    return lambda stream: (True, matches(stream))


RBAC = FilterType(
    FilterModel(
        "aeraki.meta_protocol.filters.rbac",
        TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.rbac.v1alpha.RBAC",
        Rbac,
    ),
    AccessControl.from_config,
)
"""The filter, as it is registered."""
