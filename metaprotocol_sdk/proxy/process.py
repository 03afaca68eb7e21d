"""A proxy as a process: it serves until it is told to stop, and reloads its configuration when it is told to."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from metaprotocol_sdk.exceptions import ConfigError, MetaProtocolError, Severity
from metaprotocol_sdk.proxy.config.values import ProxyConfig
from metaprotocol_sdk.proxy.filters.filter import FilterFactory
from metaprotocol_sdk.proxy.log import LOGGER_NAME
from metaprotocol_sdk.proxy.metrics import ServerStats
from metaprotocol_sdk.proxy.net.loop import new_event_loop
from metaprotocol_sdk.proxy.server import DRAIN_TIME, Server
from metaprotocol_sdk.proxy.watch import Watch

_log = logging.getLogger(LOGGER_NAME)

Addresses = Mapping[str, tuple[str, int]]
"""Bound host and port by listener name."""

Load = Callable[[], ProxyConfig]
"""Reads the configuration anew; raises what :func:`~metaprotocol_sdk.proxy.config.load_config` raises."""

_C = TypeVar("_C")
_New_contra = TypeVar("_New_contra", contravariant=True)


class Operated(Protocol[_New_contra]):
    """A proxy that a process runs: a server of its own, or several other processes."""

    @property
    def config(self) -> ProxyConfig:
        """What it serves."""

    @property
    def stats(self) -> ServerStats:
        """What is counted about the whole proxy."""

    @property
    def addresses(self) -> Addresses:
        """Bound host and port by listener name."""

    async def start(self) -> None:
        """Accepts clients once it returns. Nothing is left of it when it fails or is cancelled."""

    async def reload(self, config: _New_contra, /) -> None:
        """Serves something else from now on, or raises MetaProtocolError and serves on as before."""

    async def drain(self, seconds: float, /) -> bool:
        """Accepts no more, and lets requests in flight end."""

    async def stop(self) -> int:
        """Closes everything; returns how many clients' connections were cut."""


WATCH_INTERVAL = 1.0
"""Seconds from one look at a watched file to the next."""


def run(
    config: ProxyConfig,
    *,
    drain_time: float = DRAIN_TIME,
    on_ready: Callable[[Addresses], None] | None = None,
    filters: Mapping[str, FilterFactory] | None = None,
    load: Load | None = None,
    watch: Watch | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT, then drains; a second signal stops at once. SIGHUP reloads.

    Args:
        config: What it serves.
        drain_time: Seconds requests in flight have to end.
        on_ready: Called with the bound addresses once every listener accepts, and after every reload.
        filters: As :class:`~metaprotocol_sdk.proxy.server.Server` takes them.
        load: Reads the configuration anew for a reload; None: SIGHUP is ignored.
        watch: A file whose change reloads too, looked at since before ``config`` was read; None: none.

    Returns:
        The process's exit code, 0.

    Raises:
        MetaProtocolError: It cannot start; see :class:`~metaprotocol_sdk.proxy.server.Server`.
    """
    calm_collector()
    make = functools.partial(Server, config, filters=filters, drain_time=drain_time)
    return operate(make, drain_time=drain_time, on_ready=on_ready, load=load, watch=watch)


def operate(
    make: Callable[[], Operated[_C]],
    *,
    drain_time: float,
    on_ready: Callable[[Addresses], None] | None = None,
    load: Callable[[], _C] | None = None,
    watch: Watch | None = None,
) -> int:
    """What :func:`run` does, for whatever ``make`` returns when it is called on the event loop.

    Args:
        make: Makes the proxy.
        drain_time: As :func:`run` takes it, as are the others.
        on_ready: Called once every listener accepts, and after every reload.
        load: Makes what ``reload`` of the proxy takes.
        watch: A file whose change reloads.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_Process(drain_time, on_ready, load).run(make, watch))
    return 0


class _Process(Generic[_C]):
    """One run of a proxy."""

    def __init__(
        self, drain_time: float, on_ready: Callable[[Addresses], None] | None, load: Callable[[], _C] | None
    ) -> None:
        self._drain_time = drain_time
        self._on_ready = on_ready
        self._load = load

    async def run(self, make: Callable[[], Operated[_C]], watch: Watch | None) -> None:
        """Serves until a signal ends it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(on_loop_error)
        signals = _Signals(loop, can_reload=self._load is not None)
        server = make()
        if not await self._has_started(server, signals):
            return
        self._tell(server)
        reloads = asyncio.ensure_future(self._reload_when_told(server, signals, watch))
        await signals.first.wait()
        reloads.cancel()
        await asyncio.wait({reloads})
        await self._stop(server, signals)

    async def _has_started(self, server: Operated[_C], signals: _Signals) -> bool:
        """Whether it accepts clients now; a signal that comes before it does ends it at once."""
        start, signalled = asyncio.ensure_future(server.start()), asyncio.ensure_future(signals.first.wait())
        try:
            await asyncio.wait({start, signalled}, return_when=asyncio.FIRST_COMPLETED)
            has_started = start.done()
        finally:
            signalled.cancel()
            start.cancel()
            await asyncio.wait({start})
        if has_started:
            start.result()
        else:
            _log.info("stopped before it was ready")
        return has_started

    def _tell(self, server: Operated[_C]) -> None:
        _log_notes(server.config)
        if self._on_ready is not None:
            self._on_ready(server.addresses)

    async def _stop(self, server: Operated[_C], signals: _Signals) -> None:
        _log.info("stopping: requests in flight have %g s to end; signal again to stop now", self._drain_time)
        drain = asyncio.ensure_future(server.drain(self._drain_time))
        second = asyncio.ensure_future(signals.second.wait())
        await asyncio.wait({drain, second}, return_when=asyncio.FIRST_COMPLETED)
        for waiting in (drain, second):
            waiting.cancel()
        cut = await server.stop()
        if cut:
            _log.warning("stopped; %d clients' connections were cut", cut)
        else:
            _log.info("stopped")

    async def _reload_when_told(self, server: Operated[_C], signals: _Signals, watch: Watch | None) -> None:
        while True:
            try:
                async with asyncio.timeout(WATCH_INTERVAL if watch is not None else None):
                    await signals.reload.wait()
            except TimeoutError:
                assert watch is not None
                if not watch.has_changed():
                    continue
            signals.reload.clear()
            await self._reload(server)

    async def _reload(self, server: Operated[_C]) -> None:
        assert self._load is not None, "nothing asks for a reload where none can be made"
        try:
            # In a thread: a big file takes a second, in which nothing else would be served.
            await server.reload(await asyncio.to_thread(self._load))
        except ConfigError as error:
            server.stats.config_reload_failed += 1
            for finding in error.findings:
                _say(logging.ERROR, f"not reloaded, the configuration stays as it is: {finding.said}")
        except MetaProtocolError as error:
            server.stats.config_reload_failed += 1
            _log.error("not reloaded, the configuration stays as it is: %s", error)
        except Exception:  # whatever it is, the next reload must still be heard
            server.stats.config_reload_failed += 1
            _log.exception("not reloaded, for a bug in the proxy or in a filter; please report it")
        else:
            _log.info("reloaded")
            self._tell(server)


def calm_collector() -> None:
    """Has Python look for garbage far less often than it does by default."""
    # A request leaves no cycle behind, so the collector finds nothing in all its runs but the time they take: a tenth
    # of the CPU time per request with its default of a run every 700 objects.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


class _Signals:
    """SIGTERM and SIGINT, counted: the first, and any after it; and SIGHUP, which reloads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, can_reload: bool) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.reload = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        # Its default would end the process without a drain.
        if can_reload:
            loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        else:
            loop.add_signal_handler(signal.SIGHUP, _log.warning, "SIGHUP is ignored: there is no file to read again")

    def _on_signal(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


def on_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    """What no callback caught, such as too many open files when a client is accepted."""
    error = context.get("exception")
    reason = f": {os.strerror(error.errno).lower()}" if isinstance(error, OSError) and error.errno else ""
    _log.error("event loop: %s%s", context["message"], reason, exc_info=error)


def _log_notes(config: ProxyConfig) -> None:
    levels = {Severity.NOTE: logging.INFO, Severity.WARNING: logging.WARNING, Severity.ERROR: logging.ERROR}
    for note in config.notes:
        _say(levels[note.severity], note.said)


def _say(level: int, text: str) -> None:
    """Logs a text that is a kind of its own, so that many different ones are not taken for one that is repeated."""
    _log.log(level, text)
