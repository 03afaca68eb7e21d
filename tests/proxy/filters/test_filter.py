from __future__ import annotations

from metaprotocol_sdk.proxy.filters.filter import Filter
from tests.proxy.fakes import request, stream_of


def test_a_filter_that_says_nothing_lets_everything_pass() -> None:
    stream = stream_of(request())
    assert Filter().on_request(stream) is None
    assert Filter().on_response(stream) is None
