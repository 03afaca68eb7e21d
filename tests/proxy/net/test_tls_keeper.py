"""A cluster has the TLS its configuration says, from the first of its connections on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import ClusterConfig, DataSource, UpstreamTlsConfig, ValidationConfig
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.tls import Security
from metaprotocol_sdk.proxy.net.tls_keeper import TlsKeeper
from tests.integration.securing import trusting
from tests.proxy.certificates import Authority
from tests.proxy.harness import run

PLAIN = ClusterConfig(name="all")


def test_it_follows_its_clusters_configuration(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    secured = replace(PLAIN, tls=trusting(authority))

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        cluster = Cluster(PLAIN)
        keeper = TlsKeeper(cluster, turns)
        assert (cluster.security, keeper.counters) == (None, ())
        for config in (secured, replace(PLAIN, tls=trusting(authority, sni="other")), secured):
            cluster.update(config)
            keeper.update()
            assert isinstance(cluster.security, Security)
            assert cluster.security.config is config.tls
            assert keeper.counters == (("ssl.", cluster.security.stats),)
        keeper.update()
        await keeper.warm()
        cluster.update(PLAIN)
        keeper.update()
        assert (cluster.security, keeper.counters, len(turns.wheel)) == (None, (), 0)
        keeper.close()

    run(main())


def test_what_cannot_be_used_says_whose_it_is() -> None:
    tls = UpstreamTlsConfig(validation=ValidationConfig(trusted_ca=DataSource("/nowhere")))

    async def main() -> None:
        with pytest.raises(ConfigError, match="cluster 'all': the file '/nowhere' cannot be read"):
            TlsKeeper(Cluster(replace(PLAIN, tls=tls)), Turns(asyncio.get_running_loop()))

    run(main())
