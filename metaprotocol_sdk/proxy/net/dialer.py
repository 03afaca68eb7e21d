"""Connects to a server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.cluster.endpoint import Endpoint
from metaprotocol_sdk.proxy.net.sockets import keep_alive


async def dial(
    loop: asyncio.AbstractEventLoop, cluster: Cluster, endpoint: Endpoint, factory: Callable[[], asyncio.Protocol]
) -> None:
    """Makes a connection to ``endpoint``, as its cluster says connections are made, within ``connect_timeout``.

    Raises:
        TimeoutError: It took longer.
        OSError: It cannot be made; says why.
    """
    address = endpoint.address
    async with asyncio.timeout(cluster.connect_timeout):
        made = await loop.create_connection(factory, address.host, address.port)
    if cluster.config.tcp_keepalive is not None:
        keep_alive(made[0].get_extra_info("socket"), cluster.config.tcp_keepalive)
