"""How a cluster chooses among its servers: health, places, subsets."""

from __future__ import annotations

import enum
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LbMetadata = tuple[tuple[str, str], ...]
"""What ``filter_metadata`` has under ``envoy.lb``: keys in order, each with the value that :func:`canonical` writes."""


def canonical(value: Any) -> str:
    """A ``google.protobuf.Value`` as text that is equal where protobuf's values are: every number is a double."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False)


def lb_metadata(fields: Mapping[str, Any]) -> LbMetadata:
    """The fields of ``envoy.lb`` as values that compare."""
    return tuple(sorted((key, canonical(value)) for key, value in fields.items()))


def merged(outer: LbMetadata | None, inner: LbMetadata | None) -> LbMetadata | None:
    """A route's ``metadata_match`` with that of one of its ``weighted_clusters``, which wins key by key."""
    if not outer or not inner:
        return inner or outer
    return tuple(sorted((dict(outer) | dict(inner)).items()))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


class HealthStatus(enum.Enum):
    """``envoy.config.core.v3.HealthStatus``: what the configuration says of a server's health."""

    UNKNOWN = "UNKNOWN"
    HEALTHY = "HEALTHY"
    UNHEALTHY = "UNHEALTHY"
    DRAINING = "DRAINING"
    TIMEOUT = "TIMEOUT"
    DEGRADED = "DEGRADED"


@dataclass(frozen=True, slots=True)
class Locality:
    """``envoy.config.core.v3.Locality``: where servers are."""

    region: str = ""
    zone: str = ""
    sub_zone: str = ""


NOWHERE = Locality()
"""Where servers are whose place is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStartConfig:
    """``envoy.config.cluster.v3.Cluster.SlowStartConfig``.

    Args:
        window: ``slow_start_window``: seconds after which a server has its whole share.
        aggression: How the share grows: with the power ``1 / aggression`` of time.
        minimum: ``min_weight_percent``: the share, 0 to 1 of its own, that it has at least.
    """

    window: float
    aggression: float = 1.0
    minimum: float = 0.1


class SubsetFallback(enum.Enum):
    """``LbSubsetFallbackPolicy`` and ``LbSubsetSelectorFallbackPolicy``: who takes a request that has no subset."""

    NO_FALLBACK = "NO_FALLBACK"
    ANY_ENDPOINT = "ANY_ENDPOINT"
    DEFAULT_SUBSET = "DEFAULT_SUBSET"
    KEYS_SUBSET = "KEYS_SUBSET"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetSelectorConfig:
    """``LbSubsetConfig.LbSubsetSelector``: servers with equal values of these keys are one subset.

    Args:
        keys: The keys, in order.
        fallback: ``fallback_policy``; None: the cluster's.
        fallback_keys: ``fallback_keys_subset``, for KEYS_SUBSET.
        single_host: ``single_host_per_subset``: a subset is its first server.
    """

    keys: tuple[str, ...]
    fallback: SubsetFallback | None = None
    fallback_keys: tuple[str, ...] = ()
    single_host: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubsetsConfig:
    """``envoy.config.cluster.v3.Cluster.LbSubsetConfig``; it has at least one selector.

    Args:
        selectors: ``subset_selectors``.
        fallback: ``fallback_policy``.
        default_subset: What the servers of DEFAULT_SUBSET have.
        locality_weight_aware: Whether places' weights count inside a subset.
        scale_locality_weight: Whether a place's weight shrinks with the share of its servers that are in the subset.
        panic_mode_any: Whether any server is taken where the fallback finds none.
        list_as_any: Whether a server whose value is a list has each of its items.
    """

    selectors: tuple[SubsetSelectorConfig, ...]
    fallback: SubsetFallback = SubsetFallback.NO_FALLBACK
    default_subset: LbMetadata = ()
    locality_weight_aware: bool = False
    scale_locality_weight: bool = False
    panic_mode_any: bool = False
    list_as_any: bool = False

    def values_of(self, metadata: LbMetadata, keys: tuple[str, ...]) -> list[LbMetadata]:
        """What a server with ``metadata`` has for ``keys``: one combination, more for lists with ``list_as_any``, none
        if a key is not there."""
        found = dict(metadata)
        if not all(key in found for key in keys):
            return []
        choices = [[(key, value) for value in self._values(found[key])] for key in keys]
        return [tuple(each) for each in itertools.product(*choices)]

    def matches_default(self, metadata: LbMetadata) -> bool:
        """Whether a server with ``metadata`` is in ``default_subset``."""
        found = dict(metadata)
        return all(
            key in found and (found[key] == value or value in self._values(found[key]))
            for key, value in self.default_subset
        )

    def _values(self, value: str) -> list[str]:
        if not self.list_as_any or not value.startswith("["):
            return [value]
        return [canonical(each) for each in json.loads(value)]

    def selector(self, match: LbMetadata) -> SubsetSelectorConfig | None:
        """The selector whose keys are those of ``match``."""
        keys = tuple(key for key, _ in match)
        return next((each for each in self.selectors if each.keys == keys), None)


def reduced(match: LbMetadata, keys: tuple[str, ...]) -> LbMetadata:
    """``match`` with these keys alone."""
    return tuple(each for each in match if each[0] in keys)
