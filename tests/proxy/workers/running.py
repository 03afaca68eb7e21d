"""Proxies of several processes, in tests: the parent on the test's loop, its workers real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from textwrap import indent

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.config import Document, parse_config
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.workers.parent import Parent
from tests.proxy.codecs import IdCodec, message
from tests.proxy.harness import Backend, Client

LISTENER = """
- name: NAME
  address: {socket_address: {address: 127.0.0.1, port_value: 0}}
  filter_chains:
  - filters:
    - name: aeraki.meta_protocol_proxy
      typed_config:
        '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
        stat_prefix: NAME
        protocol: {name: app, codec: {name: "CODEC"}}
        route_config: {routes: [{route: {cluster: CLUSTER}}]}
        meta_protocol_filters: [FILTERS{name: aeraki.meta_protocol.filters.router}]
"""


class WorkerlessCodec(IdCodec):
    """Can be made by a parent, and by no worker."""

    def __init__(self, **options: int) -> None:
        super().__init__(**options)
        if is_worker():
            raise RuntimeError("not in a worker")


class DeadlyCodec(IdCodec):
    """Ends every worker that makes one."""

    def __init__(self, **options: int) -> None:
        super().__init__(**options)
        if is_worker():
            os.kill(os.getpid(), signal.SIGKILL)


class StuckCodec(IdCodec):
    """Keeps a worker busy for ever with a message of the body ``stuck``."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        found = super().decode(buffer, metadata)
        while metadata.origin_message.endswith(b"stuck"):
            pass
        return found


def is_worker() -> bool:
    return sys.argv[0].endswith(os.path.join("workers", "worker.py"))


def listener(
    name: str = "main", *, cluster: str = "all", codec: str = "tests.proxy.codecs:IdCodec", filters: str = ""
) -> str:
    text = LISTENER.replace("NAME", name).replace("CODEC", codec).replace("CLUSTER", cluster)
    return text.replace("FILTERS", filters and f"{filters}, ")


def text(*backends: Backend, listeners: str = "", cluster: str = "") -> str:
    """A configuration: cluster ``all`` before those servers, and cluster ``none`` before nobody."""
    addresses = [f"{{address: {each.address.host}, port_value: {each.address.port}}}" for each in backends]
    endpoints = ", ".join(f"{{endpoint: {{address: {{socket_address: {each}}}}}}}" for each in addresses)
    load = f"load_assignment: {{cluster_name: all, endpoints: [{{lb_endpoints: [{endpoints}]}}]}}"
    clusters = f"  clusters: [{{name: none}}, {{name: all, {load}{cluster and ', '}{cluster}}}]\n"
    return f"static_resources:\n{clusters}  listeners:\n{indent(listeners or listener(), '  ')}"


def document(written: str) -> Document:
    return Document(written.encode(), "proxy.yaml", parse_config(written, file="proxy.yaml", filters=filter_models()))


async def eventually(condition: Callable[[], bool]) -> None:
    """Waits for what other processes do; the test's own limit ends one that never does."""
    while not condition():  # noqa: ASYNC110  no event of ours tells of it
        await asyncio.sleep(0.005)


async def eventually_is(ask: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Waits until the answer is the one that is wanted."""
    while await ask() != wanted:  # noqa: ASYNC110  as above
        await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


class Running:
    """A proxy of several processes, its servers and its clients."""

    def __init__(self, parent: Parent, workers: int) -> None:
        self.parent = parent
        self.workers = workers
        self.clients: list[Client] = []

    async def client(self, name: str = "main") -> Client:
        client = Client(IdCodec(), *await asyncio.open_connection(*self.parent.addresses[name]))
        self.clients.append(client)
        return client

    async def client_of_each(self, name: str = "main") -> list[Client]:
        """One client for each worker, in the workers' order."""
        found: dict[int, Client] = {}
        while len(found) < self.workers:
            before = list(self.parent._block.clients)
            client = await self.client(name)
            await client.send(message(1, b"which"))
            await client.reply()
            [worker] = [number for number, count in enumerate(self.parent._block.clients) if count > before[number]]
            found.setdefault(worker, client)
        return [found[number] for number in range(self.workers)]

    async def whole_again(self, *killed: int) -> None:
        """Waits until all workers are ready and none is one of those processes."""
        fleet = self.parent._fleet
        await eventually(lambda: not {*killed} & {*self.parent.pids} and len(fleet._ready) == self.workers)

    def pid(self, worker: int) -> int:
        return self.parent._fleet._processes[worker].pid

    async def count(self, name: str) -> int:
        found = [count for key, count in (await self.parent.counters()).items() if key.rpartition(".")[2] == name]
        assert found, f"no counter is named {name}"
        return sum(found)


@asynccontextmanager
async def running(written: str, *, workers: int = 2, drain_time: float = 10.0) -> AsyncIterator[Running]:
    """A proxy of that configuration; checks at the end that nothing is left."""
    parent = Parent(document(written), workers=workers, drain_time=drain_time, log=("text", "warning"))
    before = asyncio.all_tasks()
    await parent.start()
    found = Running(parent, workers)
    pids = parent.pids
    try:
        yield found
    finally:
        pids = [*pids, *parent.pids]
        for client in found.clients:
            client.writer.transport.abort()
        await parent.stop()
    assert not [pid for pid in pids if is_alive(pid)]
    assert asyncio.all_tasks() <= before
