"""Writes ``golden.jsonl``: messages as Apache Thrift for Python and thriftpy2 write them.

Run it as ``python -m tests.reference_codecs.thrift.golden`` when a peer's new version is to be tried. Each line is one
message: who wrote it, in which form, what it says, and its bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from thrift.Thrift import TApplicationException, TMessageType
from thrift.transport.TTransport import TMemoryBuffer
from thriftpy2.protocol import TBinaryProtocol as Py2Binary
from thriftpy2.protocol import TCompactProtocol as Py2Compact
from thriftpy2.transport import TFramedTransport as Py2Framed
from thriftpy2.transport import TMemoryBuffer as Py2Memory

from tests.reference_codecs.thrift.peers import apache, py2

APACHE, PY2 = f"thrift {version('thrift')}", f"thriftpy2 {version('thriftpy2')}"


def messages() -> list[tuple[str, int, int, Any]]:
    """Each kind of message once, as (name, kind, sequence id, body) of Apache's library."""
    return [
        ("echo", TMessageType.CALL, 1, apache.ARGUMENTS["echo"](item=apache.an_item())),
        ("Shop:buy", TMessageType.CALL, 300, apache.ARGUMENTS["buy"](name="mug")),
        ("note", TMessageType.ONEWAY, 0, apache.ARGUMENTS["note"](text="hello")),
        ("echo", TMessageType.REPLY, 1, apache.RESULTS["echo"](success=apache.an_item())),
        ("buy", TMessageType.REPLY, 300, apache.RESULTS["buy"](sold=apache.SoldOut(why="no mug"))),
        ("fail", TMessageType.EXCEPTION, 2**31 - 1, TApplicationException(6, "no reason")),
    ]


def of_apache() -> Iterator[dict[str, Any]]:
    """What Apache's library writes, non-strict and compressed messages and headers too."""
    plain = [f"{kind} {name}" for kind in ("framed", "unframed") for name in ("binary", "compact", "json")]
    variants: list[tuple[str, str, dict[str, bool]]] = [(form, form, {}) for form in plain]
    variants += [(form, form, {}) for form in ("header binary", "header compact")]
    variants += [(f"{each} non-strict", f"{each} binary", {"is_strict": False}) for each in ("framed", "unframed")]
    variants += [(f"zlib {each}", f"header {each}", {"is_compressed": True}) for each in ("binary", "compact")]
    for spoken, form, options in variants:
        for name, kind, seqid, body in messages():
            memory = TMemoryBuffer()
            protocol = apache.protocol_over(memory, spoken)
            headers = {"trace": "abc-123", "X-User": "größe"} if form.startswith("header") else {}
            for key, value in headers.items():
                protocol.trans.set_header(key.encode(), value.encode())
            apache.send(protocol, name, kind, seqid, body)
            yield row(APACHE, form, (name, kind, seqid), memory.getvalue()) | {"headers": headers} | options


def of_py2() -> Iterator[dict[str, Any]]:
    """What thriftpy2 writes of a call."""
    for form in ("framed binary", "framed compact", "unframed binary", "unframed compact"):
        memory = Py2Memory()
        transport = Py2Framed(memory) if form.startswith("framed") else memory
        protocol = (Py2Binary if form.endswith("binary") else Py2Compact)(transport)
        protocol.write_message_begin("echo", TMessageType.CALL, 7)
        protocol.write_struct(py2.shop.Shop.echo_args(item=py2.an_item()))
        protocol.write_message_end()
        transport.flush()
        yield row(PY2, form, ("echo", TMessageType.CALL, 7), memory.getvalue()) | {"headers": {}}


def row(encoder: str, form: str, begin: tuple[str, int, int], data: bytes) -> dict[str, Any]:
    """One line."""
    name, kind, seqid = begin
    return {"encoder": encoder, "form": form, "name": name, "kind": kind, "seqid": seqid, "hex": data.hex()}


if __name__ == "__main__":
    lines = [json.dumps(each, ensure_ascii=False) + "\n" for each in (*of_apache(), *of_py2())]
    Path(__file__).with_name("golden.jsonl").write_text("".join(lines))
