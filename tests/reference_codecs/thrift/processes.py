"""Real peers as processes: servers by form, and clients with something to do."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SCRIPTS = Path(__file__).parent / "peers"
PEERS = "tests.reference_codecs.thrift.peers"
NODE_PATH = os.environ.get("THRIFT_NODE_PATH", "")
"""A ``node_modules`` folder with thrift in it; without one npm's thrift is left out."""
needs_node = pytest.mark.skipif(not NODE_PATH, reason="THRIFT_NODE_PATH names no node_modules folder with npm's thrift")
EVERY_PEER = ["apache", "py2", pytest.param("node", marks=needs_node)]
Ports = Mapping[str, int]
"""Ports by form."""
Outcomes = dict[str, list[dict[str, Any]]]
"""What came of the calls of each form, every different outcome once."""

_salts = itertools.count(1)


def command(peer: str, mode: str) -> list[str]:
    """Runs a peer."""
    if peer == "node":
        return ["node", "--no-deprecation", str(SCRIPTS / "node.js"), mode]
    return [sys.executable, "-W", "ignore", "-m", f"{PEERS}.{peer}", mode]


def environment() -> dict[str, str]:
    """What a peer's process finds its library by."""
    return {**os.environ, "NODE_PATH": NODE_PATH}


@contextmanager
def serving(peer: str) -> Iterator[Ports]:
    """A server process of a peer, and its ports."""
    with subprocess.Popen(
        command(peer, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


async def calling(peer: str, ports: Ports, **job: Any) -> Outcomes:
    """What a client process of a peer says of its calls; ``job`` is the rest of a ``talk.Job``."""
    return (await _working(peer, ports, job))["said"]  # type: ignore[no-any-return]


async def rounds_of(peer: str, ports: Ports, **job: Any) -> tuple[int, Outcomes]:
    """The same, and how many conversations there were."""
    done = await _working(peer, ports, job)
    return done["rounds"], done["said"]


async def _working(peer: str, ports: Ports, job: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *command(peer, "call"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
    )
    output, _ = await process.communicate(json.dumps({"ports": ports, "salt": next(_salts), **job}).encode())
    assert process.returncode == 0
    done: dict[str, Any] = json.loads(output)
    return done
