{% set headers = cookiecutter.headers == "yes" %}
{% set text = cookiecutter.framing == "text" %}
{% set op = cookiecutter.__operation %}
"""A server and a client to try the protocol with.

::

    python -m {{ cookiecutter.__package }}.echo server --port 9001 --label v1
    python -m {{ cookiecutter.__package }}.echo client --port 9001 --{{ op }} {{ cookiecutter.__canary }} hello
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial

from metaprotocol_sdk import Decoder, MessageType, Metadata, MetaProtocolError

from .codec import {{ cookiecutter.__title }}Codec
from .frame import FRAME

CODEC = {{ cookiecutter.__title }}Codec()


async def messages(reader: asyncio.StreamReader, side: MessageType) -> AsyncIterator[Metadata]:
    """What the other side sends, message by message, until it closes."""
    decoder = Decoder(CODEC, side)
    while data := await reader.read(65536):
        decoder.receive_data(data)
        while message := decoder.next_message():
            yield message


def answer(message: Metadata, label: str) -> bytes:
    """The reply: who answers, the request's body{{ ", and the headers it came with" if headers }}."""
{% if headers %}
    headers = [f"{key}={value}" for key, value in message.items() if key != "{{ op }}"]
    seen = f" [{', '.join(headers)}]" if headers else ""
    return FRAME.reply(message, f"{label}: ".encode() + CODEC.body(message) + seen.encode(){{ ', kind="ok"' if text }})
{% else %}
    return FRAME.reply(message, f"{label}: ".encode() + CODEC.body(message){{ ', kind="ok"' if text }})
{% endif %}


async def converse(label: str, show_bytes: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers everything that one client sends."""
    try:
        async for message in messages(reader, MessageType.REQUEST):
            if show_bytes:
                print(f"{label} received {message.origin_message.hex()}", flush=True)
            writer.write(answer(message, label))
            await writer.drain()
    except (MetaProtocolError, OSError) as error:
        print(f"{label}: {error}", file=sys.stderr)
    finally:
        writer.close()


async def serve(host: str, port: int, label: str, show_bytes: bool) -> None:
    """Serves until it is stopped; says where it listens, as port 0 takes any free one."""
    server = await asyncio.start_server(partial(converse, label, show_bytes), host, port)
    bound = server.sockets[0].getsockname()[1]
    print(f"{label} listens on {host}:{bound}", flush=True)
    async with server:
        await server.serve_forever()


async def call(host: str, port: int, request: bytes) -> bool:
    """Sends one request and prints its reply; whether it is a success."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        async for reply in messages(reader, MessageType.RESPONSE):
            outcome = "error" if reply.response_status else "reply"
            print(f"{outcome} to request {reply.request_id}: {CODEC.body(reply).decode(errors='replace')}")
            return not reply.response_status
    finally:
        writer.close()
    print("the connection was closed without a reply", file=sys.stderr)
    return False


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m {{ cookiecutter.__package }}.echo")
    roles = parser.add_subparsers(dest="role", required=True)
    server = roles.add_parser("server", help="answer every request")
    server.add_argument("--label", default="v1", help="what replies begin with")
    server.add_argument("--bytes", action="store_true", help="print every request in hexadecimal")
    client = roles.add_parser("client", help="send one request and print its reply")
{% if text %}
    client.add_argument("--method", default="echo", help="the method's name")
{% else %}
    client.add_argument("--command", type=int, default=1, help="the command's number")
{% endif %}
    client.add_argument("--id", type=int, default=1, help="the request's id")
{% if headers %}
    client.add_argument("--header", action="append", default=[], metavar="KEY=VALUE", help="a header; may be repeated")
{% endif %}
    client.add_argument("body", nargs="?", default="hello")
    for role in (server, client):
        role.add_argument("--host", default="127.0.0.1")
        role.add_argument("--port", type=int, required=True)
    return parser.parse_args()


def request_of(args: argparse.Namespace) -> bytes:
    """The request that the client's arguments describe."""
{% if headers %}
    headers = [(key, value) for key, _, value in (header.partition("=") for header in args.header)]
    return FRAME.build(args.body.encode(), headers=headers, request_id=args.id, {{ 'kind="call", method=args.method' if text else "command=args.command" }})
{% else %}
    return FRAME.build(args.body.encode(), request_id=args.id, {{ 'kind="call", method=args.method' if text else "command=args.command" }})
{% endif %}


def main() -> int:
    """Runs the server or the client; the exit code."""
    args = arguments()
    try:
        if args.role == "server":
            asyncio.run(serve(args.host, args.port, args.label, args.bytes))
        elif asyncio.run(call(args.host, args.port, request_of(args))):
            return 0
    except KeyboardInterrupt:
        return 0
    except (MetaProtocolError, OSError, OverflowError) as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
