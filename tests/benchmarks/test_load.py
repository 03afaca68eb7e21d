"""The load client and the server of the comparison, against each other."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.comparison.machine import LOAD
from benchmarks.comparison.wire import WIRES

COMPILER = shutil.which("cc")

pytestmark = [
    pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the load client is for Linux"),
]

SIZE = 300


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("load")
    for name in ("client", "server"):
        command = [str(COMPILER), "-O1", "-Wall", "-Wextra", "-Werror", "-std=c11", "-o", str(folder / name)]
        subprocess.run([*command, str(LOAD / f"{name}.c"), "-lm"], check=True)
    for protocol, wire in WIRES.items():
        (folder / f"{protocol}-request").write_bytes(wire.request(SIZE))
        (folder / f"{protocol}-reply").write_bytes(wire.reply(SIZE))
        (folder / f"{protocol}-other").write_bytes(wire.reply(SIZE)[:-2] + b"?" + wire.reply(SIZE)[-1:])
    return folder


@pytest.fixture(params=WIRES)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(tools: Path, protocol: str) -> Iterator[tuple[int, int]]:
    """A server's port and process."""
    framing = ("--framing", str(WIRES[protocol].framing))
    command = [str(tools / "server"), "--reply", str(tools / f"{protocol}-reply"), *framing]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().split()[0]), process.pid
        process.kill()


def load(
    tools: Path, protocol: str, port: int, *options: object, reply: str = "reply"
) -> subprocess.CompletedProcess[str]:
    files = ("--request", tools / f"{protocol}-request", "--reply", tools / f"{protocol}-{reply}")
    framing = ("--framing", WIRES[protocol].framing)
    command = [tools / "client", "--port", port, *files, *framing, "--warmup", 0.05, "--seconds", 0.2, *options]
    return subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def figures(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("connections", "depth"), [(1, 1), (4, 8), (64, 1)])
def test_every_reply_answers_a_request_and_is_counted(
    tools: Path, protocol: str, server: tuple[int, int], connections: int, depth: int
) -> None:
    port, pid = server
    found = figures(load(tools, protocol, port, "--connections", connections, "--depth", depth, "--pid", pid))
    assert found["replies"] > 0
    assert found["unexpected"] == 0
    assert found["cpu_ns"] > 0
    assert 0 < found["p50_ns"] <= found["p90_ns"] <= found["p99_ns"] <= found["p999_ns"] <= found["highest_ns"]


def test_an_open_loop_sends_the_same_requests_in_every_run(tools: Path, protocol: str, server: tuple[int, int]) -> None:
    runs = [figures(load(tools, protocol, server[0], "--connections", 8, "--rate", 1000)) for _ in range(2)]
    assert runs[0]["measured"] == runs[1]["measured"]
    assert 140 < runs[0]["measured"] < 260  # 200, by chance more or less


def test_what_cannot_be_sent_when_it_is_due_is_late(tools: Path, protocol: str, server: tuple[int, int]) -> None:
    """Coordinated omission: one connection answers a few ten thousand requests a second, and 200,000 are due."""
    found = figures(load(tools, protocol, server[0], "--connections", 1, "--rate", 200_000, "--seconds", 0.05))
    assert found["measured"] > 4000
    assert found["p99_ns"] > 20_000_000


def test_a_reply_that_is_not_the_servers_is_an_error(tools: Path, protocol: str, server: tuple[int, int]) -> None:
    done = load(tools, protocol, server[0], reply="other")
    assert done.returncode == 1
    assert "replies are not what the server sent; the first one is " in done.stderr


def test_connections_are_held_until_the_input_ends(tools: Path, protocol: str, server: tuple[int, int]) -> None:
    done = load(tools, protocol, server[0], "--connections", 20, "--hold", 1)
    assert (done.returncode, done.stdout) == (0, "held\n")


def test_nobody_there_is_a_sentence(tools: Path) -> None:
    done = load(tools, "thrift", 1)
    assert done.returncode == 1
    assert done.stderr == "cannot connect to port 1: Connection refused\n"
