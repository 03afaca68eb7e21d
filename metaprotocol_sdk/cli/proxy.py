"""``metaproto proxy``: routes real traffic of any registered protocol."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import click

from metaprotocol_sdk.cli.parameters import duration_or_zero, worker_count
from metaprotocol_sdk.proxy.config.values import ProxyConfig


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
@click.option("--watch", is_flag=True, help="Reload when FILE changes, too; a link that is swapped counts.")
def command(
    path: Path, *, mode: str, log_format: str, log_level: str, drain_time: float, workers: int, watch: bool
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
    from metaprotocol_sdk.proxy.log import LOGGER_NAME, configure
    from metaprotocol_sdk.proxy.process import Addresses, run

    log = logging.getLogger(LOGGER_NAME)

    def ready(addresses: Addresses) -> None:
        for name, (host, port) in addresses.items():
            text = f"ready: listener {name!r} on {host}:{port}"
            if log_format == "json":
                log.info(text)  # whoever reads JSON reads nothing else
            else:
                click.echo(text, err=True)

    configure(form=log_format, level=log_level, stream=sys.stderr, now=time.monotonic)
    if workers == 1:
        code = run(config, drain_time=drain_time, on_ready=ready, load=lambda: load().config, watch=file)
    else:
        from metaprotocol_sdk.proxy.workers.parent import run as run_several

        log_options = (log_format, log_level)
        code = run_several(
            document, workers=workers, drain_time=drain_time, on_ready=ready, load=load, watch=file, log=log_options
        )
    click.get_current_context().exit(code)


def _summary(config: ProxyConfig) -> str:
    routes = sum(len(listener.routes.routes) for listener in config.listeners)
    counts = [(len(config.listeners), "listener"), (routes, "route"), (len(config.clusters), "cluster")]
    return "configuration OK: " + ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in counts)
