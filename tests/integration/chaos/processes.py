"""The programs of a run: servers and the proxy, and what the system says of them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent.parent
_LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))"
_CLI = "from metaprotocol_sdk.cli import main; main()"


class Server:
    """One server: it keeps its port while it comes and goes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    async def start(self) -> None:
        """Runs it, and waits until it listens."""
        program = [sys.executable, "-m", "tests.integration.chaos.backend", str(self.port), self.name]
        process = self._process = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        assert line.startswith("ready"), "a server does not start"
        self.port = int(line.split()[1])

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Ends it without a word; whoever waits for it then is told by the system."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a proxy takes, all its processes together."""

    resident: int
    """Bytes."""
    proportional: int
    """Bytes, what is shared between processes counted once."""
    descriptors: int
    each: tuple[int, ...] = ()
    """The resident bytes of each process, the first one's first."""

    @property
    def largest(self) -> int:
        """The resident bytes of the largest process that accepts clients."""
        return max(self.each[1:] or self.each)

    def __str__(self) -> str:
        megabyte = 1024 * 1024
        resident, proportional = self.resident / megabyte, self.proportional / megabyte
        each = " + ".join(f"{each / megabyte:.1f}" for each in self.each)
        return f"RSS {resident:.1f} MiB ({each}), PSS {proportional:.1f} MiB, {self.descriptors} descriptors"


class Proxy:
    """``metaproto proxy``, and what it has said."""

    def __init__(self, path: Path, *options: str, descriptors: int | None = None) -> None:
        if descriptors is not None:
            descriptors = min(descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        program = _CLI if descriptors is None else f"{_LIMIT.format(descriptors)}; {_CLI}"
        command = [sys.executable, "-c", program, "proxy", "-c", str(path), *options]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))

    async def says(self, text: str, times: int = 1) -> str:
        """The line with that text, once it has been said that often."""

        def found() -> list[str]:
            return [line for line in list(self.said) if text in line]

        await eventually(lambda: len(found()) >= times, f"the proxy says {text!r} {times} times", self.said)
        return found()[-1]

    async def port(self, listener: str) -> int:
        return int((await self.says(f"ready: listener '{listener}'")).rpartition(":")[2])

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    @property
    def workers(self) -> list[int]:
        """The processes it has started."""
        return _with_children(self.process.pid)[1:]

    @property
    def footprint(self) -> Footprint:
        proportional = descriptors = 0
        each = []
        for pid in _with_children(self.process.pid):
            sizes = dict(line.split()[:2] for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
            each.append(int(sizes["Rss:"]) * 1024)
            proportional += int(sizes["Pss:"]) * 1024
            descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        return Footprint(sum(each), proportional, descriptors, tuple(each))

    @property
    def cpu(self) -> float:
        """Seconds of the processor's it has used."""
        total = 0
        for pid in _with_children(self.process.pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / 100

    def stop(self) -> int:
        """Ends it as its supervisor would; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()
            self._listener.join(5)
            assert self.process.stderr is not None
            self.process.stderr.close()


def clients_of(pid: int) -> set[int]:
    """The ports that the other ends of a stopped process's TCP connections have."""
    links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    inodes = {each[len("socket:[") : -1] for each in links if each.startswith("socket:")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[9] in inodes}


def has_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def _with_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _with_children(int(child)))]


async def eventually(condition: Callable[[], bool], what: str, said: Sequence[str] = (), seconds: float = 30) -> None:
    """Waits until something is so that another process decides."""
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("\n".join([f"it never comes that {what}", *said[-20:]]))


def unused_ports(count: int) -> list[int]:
    """Ports nothing listens on, each another."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def may_open(count: int) -> int:
    """Lets this process have so many descriptors, or as many as it may; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(count, hard), max(count, hard)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count), hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@contextmanager
def descriptors(count: int) -> Iterator[int]:
    """:func:`may_open` while it is entered."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        yield may_open(count)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0], resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
