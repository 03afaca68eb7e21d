"""``metaproto proxy``: routes real traffic of any registered protocol."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from metaprotocol_sdk.cli.parameters import duration_or_zero, worker_count
from metaprotocol_sdk.proxy.config.values import Bound, ProxyConfig


@click.command("proxy", short_help="Route real traffic of any registered protocol.")
@click.option(
    "-c",
    "--config-path",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Envoy bootstrap YAML with static listeners, routes and clusters.",
)
@click.option(
    "--mode",
    type=click.Choice(["serve", "validate"]),
    default="serve",
    show_default=True,
    help="validate: check the file, say what is wrong with it, and serve nothing.",
)
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="One line a record."
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is less grave is not written.",
)
@click.option(
    "--drain-time",
    callback=duration_or_zero,
    default="10s",
    show_default=True,
    metavar="TIME",
    help="How long requests in flight may take to end after SIGTERM or Ctrl-C; a second signal stops at once.",
)
@click.option(
    "--workers",
    callback=worker_count,
    default="1",
    show_default=True,
    metavar="N|auto",
    help="Processes that share the work; auto: one for each CPU.",
)
@click.option(
    "--admin-address-path",
    "admin_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the admin interface's address to FILE once it is ready; for port 0.",
)
@click.option("--watch", is_flag=True, help="Reload when FILE changes, too; a link that is swapped counts.")
def command(
    path: Path,
    *,
    mode: str,
    log_format: str,
    log_level: str,
    drain_time: float,
    workers: int,
    admin_path: Path | None,
    watch: bool,
) -> None:
    """Route real traffic of any registered protocol.

    Reads Envoy bootstrap YAML. The log goes to standard error; a line there says when each listener accepts clients.
    SIGHUP reads it again: what changed takes effect without a request failed, and on any error all stays as it is.

    Filters, beside the router: aeraki.meta_protocol.filters.fault, aeraki.meta_protocol.filters.local_ratelimit,
    aeraki.meta_protocol.filters.metadata_exchange, aeraki.meta_protocol.filters.rbac, and those that
    installed projects register in the entry-point group metaprotocol.filters.
    """
    from metaprotocol_sdk.proxy.config import Document, load_document
    from metaprotocol_sdk.proxy.filters.registry import filter_models
    from metaprotocol_sdk.proxy.watch import Watch

    if mode == "serve":  # its default would end who is about to serve; it is taken as soon as a reload can be made
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        click.get_current_context().call_on_close(lambda: signal.pthread_sigmask(signal.SIG_SETMASK, before))

    def load() -> Document:
        return load_document(path, filters=filter_models())

    file = Watch(path) if watch else None  # before it is read, so that no change is missed
    document = load()
    config = document.config
    if mode == "validate":
        for note in config.notes:
            click.echo(note, err=True)
        click.echo(_summary(config))
        return
    from metaprotocol_sdk.proxy.log import configure
    from metaprotocol_sdk.proxy.process import Terms, run

    told = _Announcer(is_json=log_format == "json", admin_path=admin_path)
    configure(form=log_format, level=log_level, stream=sys.stderr, now=time.monotonic)
    if workers == 1:
        code = run(
            config,
            drain_time=drain_time,
            on_ready=told.ready,
            on_admin=told.ready_admin,
            load=lambda: load().config,
            watch=file,
        )
    else:
        from metaprotocol_sdk.proxy.workers.parent import run as run_several

        terms = Terms(drain_time=drain_time, on_ready=told.ready, on_admin=told.ready_admin, load=load, watch=file)
        code = run_several(document, workers=workers, terms=terms, log=(log_format, log_level))
    click.get_current_context().exit(code)


class _Announcer:
    """Says where the proxy listens, to whoever waits for that.

    Args:
        is_json: Whether the log is JSON: whoever reads that reads nothing else.
        admin_path: What the admin interface's address is written to.
    """

    def __init__(self, *, is_json: bool, admin_path: Path | None) -> None:
        self._is_json = is_json
        self._admin_path = admin_path

    def ready(self, addresses: Mapping[str, Bound]) -> None:
        """Every listener accepts."""
        for name, address in addresses.items():
            self._say(f"listener {name!r}", address)

    def ready_admin(self, address: Bound) -> None:
        """The admin interface answers."""
        if self._admin_path is not None:
            self._write(self._admin_path, address)
        self._say("admin", address)

    def _write(self, path: Path, address: Bound) -> None:
        try:
            path.write_text(str(address))
        except OSError as error:  # who serves goes on serving
            _log().error("the admin interface's address cannot be written to %s: %s", path, error.strerror)

    def _say(self, what: str, address: Bound) -> None:
        text = f"ready: {what} on {address}"
        if self._is_json:
            _log().info(text)
        else:
            click.echo(text, err=True)


def _log() -> logging.Logger:
    from metaprotocol_sdk.proxy.log import LOGGER_NAME

    return logging.getLogger(LOGGER_NAME)


def _summary(config: ProxyConfig) -> str:
    routes = sum(len(listener.routes.routes) for listener in config.listeners)
    counts = [(len(config.listeners), "listener"), (routes, "route"), (len(config.clusters), "cluster")]
    return "configuration OK: " + ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
