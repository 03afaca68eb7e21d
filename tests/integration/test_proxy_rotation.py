"""Certificates that change while requests pass, and TLS settings that are reloaded: nobody loses a request."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.metadata import ResponseStatus
from metaprotocol_sdk.proxy.config.values import ProxyConfig, TlsVersion
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.net import tls
from tests.integration.securing import SecureBackend, connect, secured, shown, trusting
from tests.integration.serving import Serving, serving
from tests.proxy.certificates import Authority, Issued, replace_file
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import LOOPS, Backend, run, until

loops = pytest.mark.parametrize("loop", sorted(LOOPS))


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setattr(tls, "WATCH_INTERVAL", 0.02)
    return Authority(tmp_path)


def ssl_count(running: Serving, name: str, side: str = "listener") -> int:
    counts = running.server.snapshot().items()
    return sum(count for key, count in counts if key.startswith(side) and key.endswith(".ssl." + name))


def has_counted(running: Serving, name: str, least: int) -> bool:
    return ssl_count(running, name) >= least


def has_length(asked: list[int], least: int) -> bool:
    return len(asked) >= least


@asynccontextmanager
async def load(running: Serving, context: ssl.SSLContext) -> AsyncIterator[list[int]]:
    """Clients that ask all the time: one that stays, and new ones; each reply must be a good one."""
    asked: list[int] = []
    is_over = asyncio.Event()

    async def ask(*, stays: bool) -> None:
        client = await connect(running, context)
        while not is_over.is_set():
            asked.append(len(asked))
            await client.send(message(len(asked)))
            assert (await client.reply()).response_status is ResponseStatus.OK
            if not stays:
                client.writer.close()
                client = await connect(running, context)

    asking = [asyncio.ensure_future(ask(stays=stays)) for stays in (True, False)]
    try:
        yield asked
    finally:
        is_over.set()
        await asyncio.gather(*asking)


async def serial(running: Serving, context: ssl.SSLContext) -> str:
    client = await connect(running, context)
    found: str = client.writer.get_extra_info("peercert")["serialNumber"]
    client.writer.close()
    return found


@loops
def test_a_new_pair_is_used_by_new_connections_and_no_request_fails(loop: str, authority: Authority) -> None:
    certificate = authority.issue("localhost")

    async def main() -> None:
        backend = SecureBackend(authority.server(certificate))
        config = secured(clients=shown(certificate), servers=trusting(authority))
        async with serving(config, backend) as running, load(running, authority.client()) as asked:
            for times in range(1, 4):
                before = await serial(running, authority.client())
                authority.issue("localhost")
                await until(partial(has_counted, running, "context_update_by_file", times))
                await until(partial(has_length, asked, len(asked) + 20))
                assert await serial(running, authority.client()) != before
            assert running.count("local_response_error") == 0

    run(main(), loop)


def test_a_certificate_whose_key_is_still_the_old_one_is_not_used(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER_NAME)
    certificate = authority.issue("localhost")
    new = authority.issue("localhost", file="new")

    async def main() -> None:
        async with serving(secured(clients=shown(certificate)), Backend(IdCodec())) as running:
            before = await serial(running, authority.client())
            replace_file(certificate.chain_path, new.chain)
            await until(lambda: ssl_count(running, "key_rotation_failed") == 1)
            assert await serial(running, authority.client()) == before
            replace_file(certificate.key_path, new.key)
            await until(lambda: ssl_count(running, "context_update_by_file") == 1)
            assert await serial(running, authority.client()) != before
            replace_file(certificate.chain_path, b"no certificate")
            await until(lambda: ssl_count(running, "key_rotation_failed") == 2)
            os.unlink(certificate.chain_path)
            assert await serial(running, authority.client()) != before

    run(main())
    said = [each.getMessage() for each in caplog.records]
    start = "listener main: changed certificates cannot be used, the certificates before stay: "
    assert start + "the key is not the certificate's" in said
    assert start + "expected certificates in PEM, found none" in said
    assert "listener main: new connections use the certificates that have changed" in said


def test_a_directory_that_is_swapped_as_kubernetes_does_it_is_noticed(authority: Authority, tmp_path: Path) -> None:
    for name in ("..one", "..two"):
        (tmp_path / name).mkdir()
        made = authority.issue("localhost", file=f"{name}/tls")
        assert made.chain_path.endswith(f"{name}/tls.pem")
    os.symlink("..one", tmp_path / "..data")
    for end in ("pem", "key"):
        os.symlink(f"..data/tls.{end}", tmp_path / f"tls.{end}")
    mounted = Issued(b"", b"", str(tmp_path / "tls.pem"), str(tmp_path / "tls.key"))

    async def main() -> None:
        async with serving(secured(clients=shown(mounted)), Backend(IdCodec())) as running:
            before = await serial(running, authority.client())
            os.symlink("..two", tmp_path / "..data_tmp")
            os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
            await until(lambda: ssl_count(running, "context_update_by_file") == 1)
            assert await serial(running, authority.client()) != before

    run(main())


@loops
def test_servers_are_trusted_by_the_authority_that_there_is_now(
    loop: str, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    certificate = other.issue("localhost")

    async def main() -> None:
        backend = SecureBackend(other.server(certificate))
        async with serving(secured(servers=trusting(authority)), backend) as running:
            client = await running.client()
            await client.send(message(1))
            assert (await client.reply()).response_status is ResponseStatus.ERROR
            replace_file(authority.path, authority.pem + other.pem)
            await until(lambda: ssl_count(running, "context_update_by_file", "cluster") == 1)
            await client.send(message(2))
            assert (await client.reply()).response_status is ResponseStatus.OK

    run(main(), loop)


def changed(running: Serving, config: ProxyConfig) -> ProxyConfig:
    """That configuration, at the addresses of the one that runs."""
    now = running.server.config
    return replace(
        config,
        listeners=tuple(
            replace(each, address=old.address) for each, old in zip(config.listeners, now.listeners, strict=True)
        ),
        clusters=tuple(
            replace(each, endpoints=old.endpoints) for each, old in zip(config.clusters, now.clusters, strict=True)
        ),
    )


@loops
def test_settings_that_are_reloaded_are_those_of_new_connections(loop: str, authority: Authority) -> None:
    first, second = authority.issue("localhost"), authority.issue("localhost", file="second")

    async def main() -> None:
        async with serving(secured(clients=shown(first)), Backend(IdCodec())) as running:
            async with load(running, authority.client()) as asked:
                before = await serial(running, authority.client())
                port = running.server.addresses["main"]
                for tls in (shown(second), replace(shown(second), minimum=TlsVersion.TLS_1_3), shown(first)):
                    await running.server.reload(changed(running, secured(clients=tls)))
                    assert running.server.addresses["main"] == port
                    await until(partial(has_length, asked, len(asked) + 20))
                    assert (await serial(running, authority.client()) == before) is (tls == shown(first))
                assert ssl_count(running, "handshake") > 20
            stays = await connect(running, authority.client())
            await running.server.reload(changed(running, secured()))
            plain = await running.client()
            for client in (stays, plain):
                await client.send(message(1))
                assert (await client.reply()).response_status is ResponseStatus.OK

    run(main(), loop)


@loops
def test_a_cluster_that_is_to_be_secured_lets_go_of_what_is_not(loop: str, authority: Authority) -> None:
    async def main() -> None:
        backend = Backend(IdCodec())
        async with serving(secured(), backend) as running:
            client = await running.client()
            await client.send(message(1))
            await client.reply()
            (link,) = backend.links
            await running.server.reload(changed(running, secured(servers=trusting(authority))))
            await until(lambda: link.is_lost)
            await client.send(message(2))
            assert (await client.reply()).response_status is ResponseStatus.ERROR  # it speaks no TLS
            assert ssl_count(running, "connection_error", "cluster") == 1
            await running.server.reload(changed(running, secured()))
            await client.send(message(3))
            assert (await client.reply()).response_status is ResponseStatus.OK

    run(main(), loop)


def test_a_reload_whose_certificates_cannot_be_used_changes_nothing(authority: Authority) -> None:
    certificate = authority.issue("localhost")
    broken = replace(certificate, key_path=str(authority.folder / "nowhere"))

    async def main() -> None:
        async with serving(secured(clients=shown(certificate)), Backend(IdCodec())) as running:
            with pytest.raises(
                ConfigError, match=r"listener 'main': the file '.*nowhere' cannot be read: no such file"
            ):
                await running.server.reload(changed(running, secured(clients=shown(broken))))
            client = await connect(running, authority.client())
            await client.send(message(1))
            await client.reply()

    run(main())
