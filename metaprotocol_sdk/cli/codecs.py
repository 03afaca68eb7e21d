"""``metaproto codecs``: what is registered."""

from __future__ import annotations

from typing import Any

import click

from metaprotocol_sdk.cli.output import data_only, format_option, hanging, note, write_json
from metaprotocol_sdk.names import CODEC_PREFIX, fold, short_name
from metaprotocol_sdk.registry import GROUP, Registration, codec_names, registrations

_INDENT = 4


@click.command(name="codecs")
@format_option
def command(output_format: str) -> None:
    """List the codecs that are installed.

    Each with its name, the full id Envoy configuration may use, where it is defined, the project it came with, and
    what it can do. A codec that cannot be loaded is listed with the reason; `metaproto doctor` says what to do.
    """
    with data_only():
        found = registrations()
    if output_format == "json":
        write_json({"codecs": [_as_json(each) for each in found]})
    elif not found:
        note(
            f"No codec is registered. Install a project with an entry point in the group {GROUP}, or start one with "
            "`metaproto new`."
        )
    else:
        click.echo("\n\n".join(map(_as_text, found)))


def codec_id(name: str) -> str:
    """The full id of a registered name: ``aeraki.meta_protocol.codec.dubbo``."""
    return CODEC_PREFIX + short_name(name)


def complete_codec(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Registered names that start with what is typed, for shell completion of a codec's name."""
    return [name for name in codec_names() if fold(name).startswith(fold(incomplete))]


def _as_json(found: Registration) -> dict[str, Any]:
    ids = found.codec.request_ids if found.codec else range(0)
    return {
        "name": found.name,
        "id": codec_id(found.name),
        "target": found.target,
        "distribution": found.distribution or None,
        "request_ids": {"first": ids[0], "last": ids[-1]} if ids else None,
        "multiplexing": bool(ids),
        "problem": found.problem or None,
    }


def _as_text(found: Registration) -> str:
    lines = [click.style(found.name, bold=True)]
    lines += [_row("id", codec_id(found.name)), _row("class", found.target)]
    if found.distribution:
        lines.append(_row("from", found.distribution))
    if found.codec is None:
        lines.append(click.style(_row("broken", found.problem), fg="red"))
    else:
        lines.append(_row("ids", _ids(found.codec.request_ids)))
    return "\n".join(lines)


def _row(label: str, text: str) -> str:
    return hanging(" " * _INDENT + label, text, indent=_INDENT + 8)


def _ids(ids: range) -> str:
    if not ids:
        return "none: replies pair with requests by order, no multiplexing"
    return f"{ids[0]} to {ids[-1]}: multiplexing over one connection is possible"
