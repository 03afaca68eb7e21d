"""A worker as a process: started, asked, and gone."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import metaprotocol_sdk.proxy
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.workers.link import Handler, Link

PROGRAM = "metaprotocol_sdk.proxy.workers.worker"
EXIT_TIME = 2.0
"""Seconds a worker that has closed its channel has to end."""

_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


class WorkerProcess:
    """One worker, from its start to its end.

    Args:
        turns: The event loop.
        handler: Called with what it tells.

    Attributes:
        link: The channel.
        pid: Its process id.
    """

    def __init__(self, turns: Turns, handler: Handler) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            self._process = _spawn(theirs.fileno())
        self.pid = self._process.pid
        self._is_gone = asyncio.Event()
        self.link = Link(turns, ours, handler, self._is_gone.set)

    async def ended(self) -> str:
        """How it has ended, as a clause, once it has: ``was killed by SIGKILL``."""
        await self._is_gone.wait()
        try:
            code = await asyncio.to_thread(self._process.wait, EXIT_TIME)
        except subprocess.TimeoutExpired:
            code = await self._killed()
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"

    async def _killed(self) -> int:
        self._process.kill()
        return await asyncio.to_thread(self._process.wait)

    async def kill(self) -> None:
        """Ends it now."""
        self.link.close()
        await self._killed()
        self._is_gone.set()


def _spawn(descriptor: int) -> subprocess.Popen[bytes]:
    # The package may be importable only because of the working folder, or of what a test has done to sys.path. The
    # rest of the path comes with the first message.
    home = str(Path(metaprotocol_sdk.proxy.__file__).parents[2])
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    # A signal that comes before the worker ignores it must not end it.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        return subprocess.Popen(  # noqa: S603  ourselves
            [sys.executable, "-m", PROGRAM, str(descriptor)],
            stdin=subprocess.DEVNULL,
            pass_fds=(descriptor,),
            env={**os.environ, "PYTHONPATH": path},
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
