from __future__ import annotations

from dataclasses import fields

from metaprotocol_sdk.proxy.config.values import TcpKeepaliveConfig


def test_what_is_not_said_is_the_systems() -> None:
    assert all(each.default is None for each in fields(TcpKeepaliveConfig))
