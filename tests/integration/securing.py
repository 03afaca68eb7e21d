"""Whole proxies whose clients, or whose servers, speak TLS."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from typing import Any

from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config.values import (
    Address,
    DownstreamTlsConfig,
    ProxyConfig,
    UpstreamTlsConfig,
    ValidationConfig,
)
from tests.integration.serving import Serving, filtering
from tests.proxy.certificates import Authority, Issued
from tests.proxy.codecs import IdCodec
from tests.proxy.harness import Backend, BackendLink, Client, echo


def secured(
    config: ProxyConfig | None = None,
    *,
    clients: DownstreamTlsConfig | None = None,
    servers: UpstreamTlsConfig | None = None,
    **listener: Any,
) -> ProxyConfig:
    """A configuration, or one without filters, with TLS on either side."""
    config = config or filtering("")
    return replace(
        config,
        listeners=tuple(replace(each, tls=clients, **listener) for each in config.listeners),
        clusters=tuple(replace(each, tls=servers) for each in config.clusters),
    )


def shown(*certificates: Issued, **more: Any) -> DownstreamTlsConfig:
    """A listener's that shows those."""
    return DownstreamTlsConfig(certificates=tuple(each.config for each in certificates), **more)


def mutual(
    authority: Authority, certificate: Issued, *, required: bool = True, **validation: Any
) -> DownstreamTlsConfig:
    """A listener's that asks for a certificate of ``authority``."""
    wanted = ValidationConfig(trusted_ca=authority.source, **validation)
    return shown(certificate, validation=wanted, require_client_certificate=required)


def trusting(
    authority: Authority, *, sni: str = "localhost", shows: Issued | None = None, **more: Any
) -> UpstreamTlsConfig:
    """A cluster's whose servers have a certificate of ``authority``."""
    certificates = () if shows is None else (shows.config,)
    validation = ValidationConfig(trusted_ca=authority.source, **more.pop("validation", {}))
    return UpstreamTlsConfig(sni=sni, certificates=certificates, validation=validation, **more)


async def connect(running: Serving, context: ssl.SSLContext, name: str = "localhost", listener: str = "main") -> Client:
    """A client of a listener, by TLS."""
    host, port = running.server.addresses[listener]
    streams = await asyncio.open_connection(host, port, ssl=context, server_hostname=name, limit=1 << 22)
    client = Client(IdCodec(), *streams)
    running.clients.append(client)
    return client


class SecureBackend(Backend):
    """A server by TLS."""

    def __init__(self, context: ssl.SSLContext, answer: Any = echo) -> None:
        super().__init__(IdCodec(), answer)
        self.context = context

    async def start(self) -> asyncio.Server:
        server = await asyncio.get_running_loop().create_server(
            lambda: BackendLink(self), "127.0.0.1", 0, ssl=self.context
        )
        self.address = Address("127.0.0.1", server.sockets[0].getsockname()[1])
        return server


def body_of(message: Metadata) -> bytes:
    return message.origin_message[message.header_size :]
