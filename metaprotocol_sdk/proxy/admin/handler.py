"""A request becomes a response: the command is found, and whether it may be done is decided."""

from __future__ import annotations

import logging

from metaprotocol_sdk.proxy.admin.commands import COMMANDS, Command
from metaprotocol_sdk.proxy.admin.home import page
from metaprotocol_sdk.proxy.admin.message import HTML, Request, Response
from metaprotocol_sdk.proxy.admin.operated import Operated
from metaprotocol_sdk.proxy.log import LOGGER_NAME

_log = logging.getLogger(LOGGER_NAME)

METHODS = ("GET", "HEAD", "POST")

_SECURITY = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
}
_BY_PATH = {command.path: command for command in COMMANDS}


async def respond(operated: Operated, request: Request) -> Response:
    """The response to a request.

    404 with the list for a path that is none, 405 with ``allow`` for a method that is not allowed there, 403 for a
    change that a page of another site asks for, 500 when the proxy cannot answer for a bug of its own.
    """
    if request.method not in METHODS:
        return Response("Method Not Allowed\n", 405, headers={"allow": ", ".join(METHODS)})
    if request.path == "/":
        return Response(page(operated), content_type=HTML, headers=_SECURITY)
    if request.path == "/help":
        return Response(_help())
    command = _BY_PATH.get(request.path)
    if command is None:
        return Response(f"invalid path. {_help()}", 404)
    refusal = _refusal(command, request)
    if refusal is not None:
        return refusal
    if command.is_change:
        _log.info("admin: %s", request.path)
    try:
        return await command.answer(operated, request.query)
    except Exception:  # the port must answer the next request whatever this one met
        _log.exception("admin: %s cannot be answered, for a bug in the proxy; please report it", request.path)
        return Response("Internal Server Error\n", 500)


def _refusal(command: Command, request: Request) -> Response | None:
    if not command.is_change:
        return None
    if request.method != "POST":
        return Response("Method Not Allowed\n", 405, headers={"allow": "POST"})
    # Browsers, and only they, say where a request comes from: any page could post a form to a port of this machine.
    origin = request.headers.get("origin")
    host = request.headers.get("host")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return Response("Forbidden: asked for by a page of another site\n", 403)
    return None


def _help() -> str:
    lines = ["admin commands are:", "  /: Admin home page", "  /help: print out list of admin commands"]
    for command in COMMANDS:
        lines.append(f"  {command.path}{' (POST)' if command.is_change else ''}: {command.meaning}")
        lines += [f"      {each.name}: {each.meaning}" for each in command.parameters]
    return "".join(f"{line}\n" for line in lines)
