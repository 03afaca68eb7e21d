"""How names become addresses: the part of ``envoy.config.cluster.v3.Cluster`` that is about ``STRICT_DNS``."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class DnsLookupFamily(enum.Enum):
    """``envoy.config.cluster.v3.Cluster.DnsLookupFamily``: which of a name's addresses are used."""

    AUTO = "AUTO"
    """Those of IPv6; where there are none, those of IPv4."""
    V4_ONLY = "V4_ONLY"
    V6_ONLY = "V6_ONLY"
    V4_PREFERRED = "V4_PREFERRED"
    """Those of IPv4; where there are none, those of IPv6."""
    ALL = "ALL"


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsConfig:
    """How a cluster resolves the names of its endpoints.

    Args:
        refresh_rate: ``dns_refresh_rate``: seconds from an answer to the next question.
        failure_base_interval: ``dns_failure_refresh_rate.base_interval``: seconds below which the first wait after a
            failure is drawn, twice that the second, and so on; None: a failure waits ``refresh_rate``.
        failure_max_interval: ``dns_failure_refresh_rate.max_interval``: where that doubling ends.
        jitter: ``dns_jitter``: seconds below which something is drawn and added to ``refresh_rate``.
        lookup_family: ``dns_lookup_family``.
    """

    refresh_rate: float = 5.0
    failure_base_interval: float | None = None
    failure_max_interval: float = 0.0
    jitter: float = 0.0
    lookup_family: DnsLookupFamily = DnsLookupFamily.AUTO
