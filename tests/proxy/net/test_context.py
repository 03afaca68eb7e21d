from __future__ import annotations

import asyncio

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.net.context import Context
from metaprotocol_sdk.proxy.net.loop import Turns
from tests.proxy.codecs import IdCodec, LineCodec


@pytest.mark.parametrize(("codec", "has_ids"), [(IdCodec, True), (LineCodec, False)])
def test_a_context_knows_whether_ids_pair_replies(codec: type[Codec], has_ids: bool) -> None:
    loop = asyncio.new_event_loop()
    stats = ListenerStats()
    context = Context(listener="l", protocol="p", encoder=Encoder(codec(), stats), turns=Turns(loop))
    assert context.has_ids is has_ids
    assert context.stats is stats
    loop.close()
