"""``metaproto ready``: whether a proxy takes clients, for probes of containers, where there is no curl."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import click

DEFAULT_URL = "http://127.0.0.1:9901"


@click.command("ready", short_help="Ask a proxy's admin port whether it takes clients.")
@click.option(
    "--url",
    default=DEFAULT_URL,
    show_default=True,
    envvar="METAPROTO_ADMIN_URL",
    show_envvar=True,
    metavar="URL",
    help="Where the proxy's admin interface is.",
)
@click.option("--timeout", default=2.0, show_default=True, metavar="SECONDS", help="How long to wait for its answer.")
@click.pass_context
def command(ctx: click.Context, url: str, timeout: float) -> None:
    """Ask a proxy's admin port whether it takes clients.

    Prints its state in a line. Exit code 0: it is LIVE, 1: it is in another state, or does not answer.
    """
    host, port = _place(url)
    connection = HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/ready")
        response = connection.getresponse()
        state = response.read().decode("ascii", "replace").strip()
        is_live = response.status == 200
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        state, is_live = f"no answer from {url}: {' '.join(reason.lower().split())}", False
    finally:
        connection.close()
    click.echo(state, err=not is_live)
    ctx.exit(0 if is_live else 1)


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme != "http":
        raise click.BadParameter(f"expected a URL such as {DEFAULT_URL}, found {url!r}", param_hint="--url")
    return host, port or 80
