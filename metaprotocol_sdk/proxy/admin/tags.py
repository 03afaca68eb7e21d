"""Names of counters taken apart as Envoy does it: what is counted, and of which cluster or listener.

::

    cluster.<name>.upstream_rq_total                        envoy_cluster_name
    meta_protocol.<protocol>.<stat_prefix>.request          envoy_meta_protocol_application_protocol, ..._prefix
    meta_protocol.<stat_prefix>.local_rate_limit.ok         envoy_meta_protocol_prefix

A cluster's name may have dots in it, so names are not split: those of the clusters and listeners that are there are
looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from metaprotocol_sdk.proxy.admin.operated import ClusterStatus, ListenerStatus

CLUSTER_NAME = "envoy_cluster_name"
"""Envoy's label of a cluster."""
PROTOCOL = "envoy_meta_protocol_application_protocol"
"""The label of ``protocol.name``."""
PREFIX = "envoy_meta_protocol_prefix"
"""The label of ``stat_prefix``, in the form of Envoy's for its own filters (``envoy_thrift_prefix``)."""

_NONE: Mapping[str, str] = {}


class Tags:
    """What is known of the beginnings of names.

    Args:
        clusters: The clusters that are there.
        listeners: The listeners that are there.
    """

    def __init__(self, clusters: Iterable[ClusterStatus], listeners: Iterable[ListenerStatus]) -> None:
        self._known: dict[str, tuple[str, Mapping[str, str]]] = {}
        for each in listeners:
            self._know("meta_protocol", [each.stat_prefix], {PREFIX: each.stat_prefix})
            labels = {PROTOCOL: each.protocol, PREFIX: each.stat_prefix}
            self._know("meta_protocol", [each.protocol, each.stat_prefix], labels)
        for cluster in clusters:
            self._know("cluster", [cluster.name], {CLUSTER_NAME: cluster.name})

    def _know(self, kind: str, parts: list[str], labels: Mapping[str, str]) -> None:
        self._known[".".join([kind, *parts])] = (kind, labels)

    def split(self, name: str) -> tuple[str, Mapping[str, str]]:
        """The name without what its labels say, and the labels."""
        end = len(name)
        while (end := name.rfind(".", 0, end)) > 0:
            found = self._known.get(name[:end])
            if found is not None:
                kind, labels = found
                return kind + name[end:], labels
        return name, _NONE
