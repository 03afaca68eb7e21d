from __future__ import annotations

from metaprotocol_sdk.proxy.config.values import DnsConfig, DnsLookupFamily


def test_a_cluster_that_says_nothing_asks_every_five_seconds_as_envoy_s_does() -> None:
    config = DnsConfig()
    assert (config.refresh_rate, config.jitter, config.failure_base_interval) == (5.0, 0.0, None)
    assert config.lookup_family is DnsLookupFamily.AUTO
