"""The processes of a comparison: servers, proxies, load clients."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.comparison.machine import Machine, busy_seconds, cpu_seconds, pinned
from benchmarks.comparison.wire import Wire

_READY = re.compile(r"ready: listener .* on .*:(\d+)")
_STOP_SECONDS = 20


class RunError(Exception):
    """A process of the comparison failed; the text says which and what it said."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is running.

    Args:
        name: What it is called in reports.
        pid: Its process.
        port: Where it listens.
    """

    name: str
    pid: int
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load client does.

    Args:
        connections: How many it opens.
        depth: Requests in flight on each, at most.
        rate: Requests a second in all (open loop); 0: as fast as replies come (closed loop).
        warmup: Seconds before it measures.
        seconds: How long it measures.
    """

    connections: int
    depth: int = 1
    rate: float = 0.0
    warmup: float = 0.5
    seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """Servers that answer with a body of one size, and the files a load client needs to ask them.

    Args:
        machine: Where they run.
        ports: Where they listen.
        pid: Their process.
        arguments: What tells a load client the messages.
    """

    machine: Machine
    ports: tuple[int, ...]
    pid: int
    arguments: tuple[str, ...]


Result = dict[str, float]
"""What a load client printed, and ``foreign``: cores' worth of CPU time used by neither proxy, client nor server."""


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def serving(machine: Machine, wire: Wire, size: int) -> Iterator[Target]:
    """Two servers, in one process, that answer with a body of ``size`` bytes."""
    request, reply = (machine.tools / f"{name}-{size}" for name in ("request", "reply"))
    request.write_bytes(wire.request(size))
    reply.write_bytes(wire.reply(size))
    shared = ("--reply", str(reply), "--framing", str(wire.framing))
    with pinned(machine.load_core):
        process = subprocess.Popen(
            [str(machine.tools / "server"), *shared], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdout is not None
        ports = tuple(map(int, process.stdout.readline().split()))
        try:
            yield Target(machine, ports, process.pid, ("--request", str(request), *shared))
        finally:
            process.kill()


Start = Callable[[Target], Any]
"""Starts a proxy in front of a Target: a context manager that yields a Proxy."""


@contextmanager
def started_ours(
    name: str, config: Mapping[str, Any], machine: Machine, *options: str, cores: Sequence[int] = ()
) -> Iterator[Proxy]:
    """Our proxy, as its users start it, on those cores; none given: on its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", dir=machine.tools, delete=False) as file:
        json.dump(config, file)
    command = [sys.executable, "-m", "metaprotocol_sdk", "proxy", "-c", file.name, "--log-level", "warning", *options]
    with pinned(*(cores or [machine.proxy_core])):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with process:
        assert process.stderr is not None
        said = ""
        while (found := _READY.search(said)) is None:
            line = process.stderr.readline()
            if not line:
                raise RunError(f"{name} did not start:\n{said.strip()}")
            said += line
        try:
            yield Proxy(name, process.pid, int(found[1]))
        finally:
            _stop(process)


@contextmanager
def started_envoy(name: str, config: Mapping[str, Any], machine: Machine) -> Iterator[Proxy]:
    """An Envoy with one worker."""
    admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
    with tempfile.TemporaryDirectory(dir=machine.tools) as folder, (Path(folder) / "log").open("w+") as log:
        path, admin_path = Path(folder) / "envoy.json", Path(folder) / "admin"
        path.write_text(json.dumps({**config, "admin": admin}))
        command = [machine.envoy, "-c", str(path), "--concurrency", "1", "--disable-hot-restart"]
        command += ["--admin-address-path", str(admin_path), "--log-level", "warning"]
        with pinned(machine.proxy_core):
            process = subprocess.Popen(command, stderr=log, text=True)
        try:
            yield Proxy(name, process.pid, _envoy_port(name, process, admin_path, Path(log.name)))
        finally:
            _stop(process)


def _envoy_port(name: str, process: subprocess.Popen[str], admin: Path, log: Path) -> int:
    while True:
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            pass
        else:
            raise RunError(f"{name} did not start:\n{log.read_text().strip()[-2000:]}")
        if not admin.is_file() or not (address := admin.read_text()):
            continue
        with urllib.request.urlopen(f"http://{address}/listeners?format=json") as answer:
            listeners = json.load(answer).get("listener_statuses", [])
        if listeners and (port := listeners[0]["local_address"]["socket_address"]["port_value"]):
            return int(port)


def client_command(target: Target, port: int, *options: str) -> list[str]:
    """How a load client is started."""
    return [str(target.machine.tools / "client"), "--port", str(port), *target.arguments, *options]


def run(target: Target, proxy: Proxy, load: Load) -> Result:
    """Loads a proxy and says what came of it.

    Raises:
        RunError: A reply was missing, or not what the server had sent.
    """
    options = []
    for name in Load.__slots__:
        options += [f"--{name}", str(getattr(load, name))]
    command = client_command(target, proxy.port, *options, "--pid", str(proxy.pid))
    pids = (proxy.pid, target.pid)
    busy, used = busy_seconds(), sum(map(cpu_seconds, pids))
    with pinned(target.machine.load_core):
        client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = client.communicate()
    if client.returncode:
        raise RunError(f"{proxy.name}, {load.connections} connections, depth {load.depth}: {errors or output}")
    result: Result = json.loads(output)
    used = sum(map(cpu_seconds, pids)) - used + result["client_cpu_ns"] / 1e9
    result["foreign"] = max(0.0, (busy_seconds() - busy - used) / (load.warmup + load.seconds))
    return result


@contextmanager
def holding(target: Target, proxy: Proxy, connections: int) -> Iterator[None]:
    """Keeps so many connections open that have had one reply each."""
    command = client_command(target, proxy.port, "--connections", str(connections), "--hold", "1")
    with pinned(target.machine.load_core):
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with client:
        assert client.stdout is not None
        try:
            if client.stdout.readline() != "held\n":
                raise RunError(f"{proxy.name} does not hold {connections} connections")
            yield
        finally:
            client.kill()


def in_turn(items: Sequence[Any], turn: int) -> list[Any]:
    """The items, started with another one each turn: none is always first or last."""
    start = turn % len(items)
    return [*items[start:], *items[:start]]
