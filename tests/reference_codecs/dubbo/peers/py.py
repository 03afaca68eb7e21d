"""Calls of PyPI's Dubbo clients: ``python -m tests.reference_codecs.dubbo.peers.py dubbo-py|dubbo-ssl-python call``.

It is told what to call as the JavaScript peers are, and says the same of it. Both read no attachments in replies.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

Call = Callable[[str, list[Any], dict[str, str]], Any]

_NAME, _VERSION = "com.demo.Shop", "1.0.0"
_PATIENCE = 30.0


def dubbo_py(port: int) -> Call:
    """dubbo-py, of which an exception that a server answers with is a value as any."""
    from dubbo.client import DubboClient  # noqa: PLC0415  it adds names to Python's own

    client = DubboClient("127.0.0.1", port)

    def call(method: str, args: list[Any], attachments: dict[str, str]) -> Any:
        said = client.send_request_and_return_response(
            service_name=_NAME,
            service_version=_VERSION,
            method_name=method,
            args=args,
            attachment={"path": _NAME, "version": _VERSION, **attachments},
        )
        return getattr(said.data, "detailMessage", said.data) if said.ok else said.error

    return call


def dubbo_ssl_python(port: int) -> Call:
    """dubbo-ssl-python, which has grown from Apache's own client for Python."""
    from dubbo_ssl.client import DubboClient  # noqa: PLC0415  it starts threads
    from dubbo_ssl.common.exceptions import DubboResponseException  # noqa: PLC0415

    client = DubboClient(_NAME, None, _VERSION, host=f"127.0.0.1:{port}")

    def call(method: str, args: list[Any], attachments: dict[str, str]) -> Any:
        try:
            return client.call(method, args, context=attachments, timeout=_PATIENCE)
        except DubboResponseException as error:
            return str(error).strip().splitlines()[0]

    return call


def main(library: str) -> None:
    """Does the calls that the input says, and prints what was said."""
    logging.disable()  # of every error they are told
    job = json.load(sys.stdin)
    call = {"dubbo-py": dubbo_py, "dubbo-ssl-python": dubbo_ssl_python}[library](job["port"])
    said = [call(method, args, job.get("attachments") or {}) for method, args in job["calls"]]
    print(json.dumps([[{"said": each, "told": {}} for each in said]]))


if __name__ == "__main__":
    main(sys.argv[1])
