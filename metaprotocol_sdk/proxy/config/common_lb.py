"""What every ``lb_policy`` has in common: ``envoy.config.cluster.v3.Cluster.CommonLbConfig``."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.circuit_breakers import Percent
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import MAX_COUNT, Switch, Whole
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet
from metaprotocol_sdk.proxy.config.tree import Entries


class ZoneAwareLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.ZoneAwareLbConfig``. Requests stay in no zone here, as in an
    Envoy that does not know its own cluster; what is left of the message is what a panic means."""

    refused = not_yet("routing_enabled", "min_cluster_size", "force_locality_direct_routing")

    fail_traffic_on_panic: Switch = False
    """Whether requests fail, instead of going to any server, where too few are healthy. Not with ``RING_HASH`` and
    ``MAGLEV``, as in Envoy."""


class LocalityWeightedLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.LocalityWeightedLbConfig``: it has no fields."""


class ConsistentHashingLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig.ConsistentHashingLbConfig``: for ``RING_HASH``, ``MAGLEV``."""

    refused = not_yet("use_hostname_for_hashing")

    hash_balance_factor: Annotated[int | None, PlainValidator(Whole(100, MAX_COUNT))] = None
    """A server takes at most this percentage of its share of the requests in flight; more go to others, those of one
    hash to the same. Not given: a server takes what its hashes bring."""


class CommonLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.CommonLbConfig``."""

    refused = not_yet("close_connections_on_host_set_change")
    ignored = {  # noqa: RUF012 - a message's table
        "update_merge_window": "without effect: every change counts from the next request on",
    }
    one_of = (OneOf(("zone_aware_lb_config", "locality_weighted_lb_config")),)

    healthy_panic_threshold: Percent = Percent(value=50.0)
    """Where a lower share of a priority's servers is healthy or degraded, and the other priorities do not make up for
    it, requests go to all of them whatever their health. In whole percents, cut off; 0: never."""

    zone_aware_lb_config: ZoneAwareLbConfig | None = None
    """What a panic means."""

    locality_weighted_lb_config: LocalityWeightedLbConfig | None = None
    """Given, even empty: requests are shared among places by the ``load_balancing_weight`` of each."""

    consistent_hashing_lb_config: ConsistentHashingLbConfig | None = None
    """For ``RING_HASH`` and ``MAGLEV``."""

    ignore_new_hosts_until_first_hc: Switch = False
    """Whether a server counts for nothing before its first health check, not even where the shares of priorities and a
    panic are worked out."""

    @property
    def fails_on_panic(self) -> bool:
        """``zone_aware_lb_config.fail_traffic_on_panic``."""
        return self.zone_aware_lb_config is not None and self.zone_aware_lb_config.fail_traffic_on_panic

    @property
    def hash_balance_factor(self) -> int | None:
        """``consistent_hashing_lb_config.hash_balance_factor``."""
        hashing = self.consistent_hashing_lb_config
        return None if hashing is None else hashing.hash_balance_factor


def check_balancing(cluster: Entries, context: Context, *, is_hashing: bool) -> None:
    """Reports what relates a cluster's policy, its ``common_lb_config`` and its endpoints.

    Args:
        cluster: The cluster, not validated yet.
        context: Gets the findings.
        is_hashing: Whether its policy is ``RING_HASH`` or ``MAGLEV``.
    """
    common = cluster.child("common_lb_config")
    if common.get("consistent_hashing_lb_config") is not None and not is_hashing:
        problem = "without effect: this cluster's lb_policy is not RING_HASH or MAGLEV"
        context.report.warning(common.key_place("consistent_hashing_lb_config"), problem)
    zone_aware = common.child("zone_aware_lb_config")
    if zone_aware.get("fail_traffic_on_panic") is True and is_hashing:
        problem = "without effect on RING_HASH and MAGLEV, as in Envoy"
        context.report.warning(zone_aware.key_place("fail_traffic_on_panic"), problem)
    groups = cluster.child("load_assignment").children("endpoints")
    if is_hashing:
        _check_sum(groups, context)
    _check_places(groups, common, context)


def _check_sum(groups: list[Entries], context: Context) -> None:
    for group in groups:
        weights = [each.get("load_balancing_weight") or 1 for each in group.children("lb_endpoints")]
        total = sum(each for each in weights if isinstance(each, int))
        if total > MAX_COUNT:
            problem = f"expected weights whose sum is at most {MAX_COUNT}, found {total}"
            context.report.error(group.value_place("lb_endpoints"), problem)


def _check_places(groups: list[Entries], common: Entries, context: Context) -> None:
    weighted = [each for each in groups if each.get("load_balancing_weight") is not None]
    if common.get("locality_weighted_lb_config") is None:
        for each in weighted:
            problem = "without effect: the cluster has no common_lb_config.locality_weighted_lb_config"
            context.report.note(each.key_place("load_balancing_weight"), problem)
    elif groups and not weighted:
        problem = "without effect: no locality has a load_balancing_weight"
        context.report.warning(common.key_place("locality_weighted_lb_config"), problem)
    else:
        for each in groups:
            if each.get("load_balancing_weight") is None:
                problem = "its endpoints get no requests: other localities have a load_balancing_weight, it has none"
                context.report.warning(each.place, problem)
