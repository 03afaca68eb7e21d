"""Tells the other side who this is: ``aeraki.meta_protocol.filters.metadata_exchange``.

An OUTBOUND listener tells the server with the request, an INBOUND one the client with the reply, in two strings:

* ``x-envoy-peer-metadata``: base64 of a ``google.protobuf.Struct`` with what Istio reads of the node's metadata, always
  the same bytes;
* ``x-envoy-peer-metadata-id``: the node's id.

A string with nothing to say is left out, and so are both where the message cannot carry them. A route's own mutation of
these keys wins.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, FilterModel
from metaprotocol_sdk.proxy.config.values import NodeConfig, TrafficDirection
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterType, Verdict
from metaprotocol_sdk.proxy.filters.protobuf_struct import Value, encode_struct
from metaprotocol_sdk.proxy.stream import Stream

PEER_METADATA = "x-envoy-peer-metadata"
PEER_METADATA_ID = "x-envoy-peer-metadata-id"

_TEXTS = ("NAME", "NAMESPACE", "OWNER", "WORKLOAD_NAME", "CLUSTER_ID")
_LABELS = ("service.istio.io/canonical-name", "service.istio.io/canonical-revision", "app", "version")


def flat_node(metadata: Mapping[str, Any]) -> dict[str, Value]:
    """What Istio's proxies tell each other of ``node.metadata``.

    Istio's ``FlatNode`` (``extensions/common/proto_util.cc`` of istio/proxy, 1.21): ``NAME``, ``NAMESPACE``, ``OWNER``,
    ``WORKLOAD_NAME``, ``CLUSTER_ID``, of ``LABELS`` the canonical name and revision, ``app`` and ``version``, and all
    of ``PLATFORM_METADATA``. What is no text is left out.
    """
    flat: dict[str, Value] = dict(_texts({key: metadata[key] for key in _TEXTS if key in metadata}))
    labels = _texts(metadata.get("LABELS"))
    groups = {
        "LABELS": {key: labels[key] for key in _LABELS if key in labels},
        "PLATFORM_METADATA": _texts(metadata.get("PLATFORM_METADATA")),
    }
    return flat | {key: group for key, group in groups.items() if group}


def _texts(group: object) -> dict[str, str]:
    pairs = group.items() if isinstance(group, Mapping) else ()
    return {key: value for key, value in pairs if isinstance(value, str)}


def peer_mutation(node: NodeConfig) -> Mutation:
    """The strings that say who a node is; one with nothing to say is left out."""
    said = {
        PEER_METADATA: base64.b64encode(encode_struct(flat_node(node.metadata))).decode(),
        PEER_METADATA_ID: node.id,
    }
    return Mutation({key: value for key, value in said.items() if value})


class MetadataExchange(Filter):
    """Adds the node's strings to requests (OUTBOUND) or replies (INBOUND) that can carry them.

    Args:
        context: The listener. What is added is made once.
    """

    def __init__(self, context: FilterContext) -> None:
        added = peer_mutation(context.node)
        self._codec = context.codec
        self._to_request = added if context.traffic_direction is TrafficDirection.OUTBOUND else NO_MUTATION
        self._to_reply = added if context.traffic_direction is TrafficDirection.INBOUND else NO_MUTATION

    def on_request(self, stream: Stream) -> Verdict:
        """Tells the server."""
        if self._to_request and self._codec.can_mutate(stream.request):
            # What the router adds of the route comes later, and wins.
            stream.mutation = stream.mutation | self._to_request if stream.mutation else self._to_request
        return None

    def on_response(self, stream: Stream) -> Verdict:
        """Tells the client, unless the reply is a local one."""
        reply = stream.response
        if self._to_reply and reply is not None and stream.error is None and self._codec.can_mutate(reply):
            # The route's is there already, and wins.
            earlier = stream.response_mutation
            stream.response_mutation = self._to_reply | earlier if earlier else self._to_reply
        return None


METADATA_EXCHANGE = FilterType(
    FilterModel(
        "aeraki.meta_protocol.filters.metadata_exchange",
        TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.metadata_exchange.v1alpha.MetadataExchange",
    ),
    lambda _config, context: MetadataExchange(context),
)
"""The filter, as it is registered; it has nothing to configure."""
