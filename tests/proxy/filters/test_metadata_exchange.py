from __future__ import annotations

import base64
from typing import Any

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import NO_MUTATION, Mutation
from metaprotocol_sdk.proxy.config.values import NodeConfig, TrafficDirection
from metaprotocol_sdk.proxy.filters.filter import Filter
from metaprotocol_sdk.proxy.filters.metadata_exchange import METADATA_EXCHANGE, flat_node, peer_mutation
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.codecs import IdCodec, LineCodec
from tests.proxy.fakes import request, stream_of
from tests.proxy.filters.helpers import Around
from tests.proxy.filters.test_protobuf_struct import read_struct

INBOUND, OUTBOUND, UNSPECIFIED = TrafficDirection.INBOUND, TrafficDirection.OUTBOUND, TrafficDirection.UNSPECIFIED

METADATA = {
    "NAME": "shop-7d9f-x2x4q",
    "NAMESPACE": "default",
    "OWNER": "kubernetes://apis/apps/v1/namespaces/default/deployments/shop",
    "WORKLOAD_NAME": "shop",
    "CLUSTER_ID": "Kubernetes",
    "MESH_ID": "cluster.local",
    "INSTANCE_IPS": "10.0.0.7",
    "LABELS": {
        "app": "shop",
        "version": "v2",
        "pod-template-hash": "7d9f",
        "service.istio.io/canonical-name": "shop",
        "service.istio.io/canonical-revision": "v2",
    },
    "PLATFORM_METADATA": {"gcp_location": "here"},
    "PROXY_CONFIG": {"concurrency": 2},
}
NODE = NodeConfig(id="sidecar~10.0.0.7~shop-7d9f-x2x4q.default~default.svc.cluster.local", metadata=METADATA)

# Made by google.protobuf 7.36.2 for Python, its pure Python implementation, of the Struct that istio/proxy 1.21's
# extractStructFromNodeFlatBuffer makes of METADATA.
WIRE = (
    "ChoKCkNMVVNURVJfSUQSDBoKS3ViZXJuZXRlcwqEAQoGTEFCRUxTEnoqeAoNCgNhcHASBhoEc2hvcAopCh9zZXJ2aWNlLmlzdGlv"
    "LmlvL2Nhbm9uaWNhbC1uYW1lEgYaBHNob3AKKwojc2VydmljZS5pc3Rpby5pby9jYW5vbmljYWwtcmV2aXNpb24SBBoCdjIKDwoH"
    "dmVyc2lvbhIEGgJ2MgoZCgROQU1FEhEaD3Nob3AtN2Q5Zi14Mng0cQoWCglOQU1FU1BBQ0USCRoHZGVmYXVsdApICgVPV05FUhI/"
    "Gj1rdWJlcm5ldGVzOi8vYXBpcy9hcHBzL3YxL25hbWVzcGFjZXMvZGVmYXVsdC9kZXBsb3ltZW50cy9zaG9wCi8KEVBMQVRGT1JN"
    "X01FVEFEQVRBEhoqGAoWCgxnY3BfbG9jYXRpb24SBhoEaGVyZQoXCg1XT1JLTE9BRF9OQU1FEgYaBHNob3A="
)


def exchange(direction: TrafficDirection, *, codec: Codec | None = None, node: NodeConfig = NODE) -> Filter:
    return METADATA_EXCHANGE.factory(None, Around(codec, node=node, direction=direction).context)


def asked(filter_: Filter, *, earlier: Mutation = NO_MUTATION, kind: MessageType = MessageType.REQUEST) -> Stream:
    stream = stream_of(request(message_type=kind))
    stream.mutation = earlier
    assert filter_.on_request(stream) is None
    return stream


def answered(filter_: Filter, *, earlier: Mutation = NO_MUTATION, error: Error | None = None) -> Stream:
    stream = asked(filter_)
    stream.response_mutation = earlier
    stream.response = Metadata(MessageType.RESPONSE)
    stream.error = error
    assert filter_.on_response(stream) is None
    return stream


def test_the_strings_are_those_of_istios_proxies() -> None:
    assert dict(peer_mutation(NODE)) == {"x-envoy-peer-metadata": WIRE, "x-envoy-peer-metadata-id": NODE.id}


def test_of_the_nodes_metadata_istios_subset_is_told() -> None:
    told = read_struct(base64.b64decode(peer_mutation(NODE)["x-envoy-peer-metadata"] or ""))
    assert told == {
        **{key: METADATA[key] for key in ("NAME", "NAMESPACE", "OWNER", "WORKLOAD_NAME", "CLUSTER_ID")},
        "LABELS": {
            "app": "shop",
            "version": "v2",
            "service.istio.io/canonical-name": "shop",
            "service.istio.io/canonical-revision": "v2",
        },
        "PLATFORM_METADATA": {"gcp_location": "here"},
    }


@pytest.mark.parametrize(
    ("metadata", "flat"),
    [
        ({}, {}),
        ({"LABELS": {"other": "x"}, "PLATFORM_METADATA": {}}, {}),
        ({"NAME": 5, "NAMESPACE": None, "OWNER": ["x"], "LABELS": "app", "PLATFORM_METADATA": ["x"]}, {}),
        ({"NAME": "", "LABELS": {"app": 1, "version": "v"}}, {"NAME": "", "LABELS": {"version": "v"}}),
    ],
)
def test_what_is_no_text_is_left_out(metadata: dict[str, Any], flat: dict[str, Any]) -> None:
    assert flat_node(metadata) == flat


def test_the_order_of_the_metadata_does_not_matter() -> None:
    turned = NodeConfig(id=NODE.id, metadata=dict(reversed(METADATA.items())))
    assert peer_mutation(turned) == peer_mutation(NODE)


def test_outbound_tells_the_server_and_not_the_client() -> None:
    stream = answered(exchange(OUTBOUND))
    assert stream.mutation == peer_mutation(NODE)
    assert stream.response_mutation == NO_MUTATION


def test_inbound_tells_the_client_and_not_the_server() -> None:
    stream = answered(exchange(INBOUND))
    assert stream.mutation == NO_MUTATION
    assert stream.response_mutation == peer_mutation(NODE)


def test_a_listener_without_a_direction_tells_nobody() -> None:
    stream = answered(exchange(UNSPECIFIED))
    assert stream.mutation == stream.response_mutation == NO_MUTATION


@pytest.mark.parametrize("direction", [OUTBOUND, INBOUND])
def test_a_message_that_cannot_carry_it_is_left_alone(direction: TrafficDirection) -> None:
    earlier = Mutation(a="1")
    stream = answered(exchange(direction, codec=LineCodec()), earlier=earlier)
    assert stream.mutation is NO_MUTATION
    assert stream.response_mutation is earlier


class Halves(IdCodec):
    """Some of its messages carry headers."""

    def can_mutate(self, metadata: Metadata) -> bool:
        return "headers" in metadata


@pytest.mark.parametrize("direction", [OUTBOUND, INBOUND])
def test_each_message_is_asked_whether_it_can_carry_it(direction: TrafficDirection) -> None:
    filter_ = exchange(direction, codec=Halves())
    for strings in ({}, {"headers": "yes"}):
        stream = stream_of(request())
        stream.request.update(strings)
        stream.response = Metadata(MessageType.RESPONSE)
        stream.response.update(strings)
        filter_.on_request(stream)
        filter_.on_response(stream)
        added = stream.mutation if direction is OUTBOUND else stream.response_mutation
        assert added == (peer_mutation(NODE) if strings else NO_MUTATION)


def test_oneways_tell_it_too() -> None:
    assert asked(exchange(OUTBOUND), kind=MessageType.ONEWAY).mutation == peer_mutation(NODE)


def test_a_local_reply_is_left_alone() -> None:
    assert answered(exchange(INBOUND), error=Error(ErrorType.OVER_LIMIT, "no")).response_mutation == NO_MUTATION
    stream = stream_of(request())
    stream.error = Error(ErrorType.ROUTE_NOT_FOUND, "no")
    exchange(INBOUND).on_response(stream)
    assert stream.response_mutation == NO_MUTATION


def test_what_others_ask_for_stays_and_a_routes_own_wins_in_replies() -> None:
    theirs = Mutation({"a": "1", "X-Envoy-Peer-Metadata-Id": "mine"})
    stream = asked(exchange(OUTBOUND), earlier=Mutation(a="1"))
    assert stream.mutation == Mutation(a="1") | peer_mutation(NODE)
    reply = answered(exchange(INBOUND), earlier=theirs).response_mutation
    assert dict(reply) == {"x-envoy-peer-metadata": WIRE, "X-Envoy-Peer-Metadata-Id": "mine", "a": "1"}


@pytest.mark.parametrize(
    ("node", "keys"),
    [
        (NodeConfig(), set()),
        (NodeConfig(id="n"), {"x-envoy-peer-metadata-id"}),
        (NodeConfig(metadata={"NAME": "n"}), {"x-envoy-peer-metadata"}),
        (NodeConfig(metadata={"OTHER": "n"}), set()),
    ],
)
def test_a_node_that_does_not_say_who_it_is_adds_nothing(node: NodeConfig, keys: set[str]) -> None:
    assert set(asked(exchange(OUTBOUND, node=node)).mutation) == keys


def test_it_is_made_once_and_not_for_each_request() -> None:
    filter_ = exchange(OUTBOUND)
    assert asked(filter_).mutation is asked(filter_).mutation
