"""``metaproto proxy``: a parse, a call, a few lines."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from metaprotocol_sdk.cli import metaproto as root  # a command invoked alone would remember that it has no -h
from metaprotocol_sdk.proxy.filters.registry import BUILT_IN, GROUP
from tests.proxy.codecs import ERROR, message

ROOT = Path(__file__).parent.parent.parent

CONFIG = """
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: %d}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: front
          protocol: {name: app, codec: {name: "tests.proxy.codecs:IdCodec"}}
          route_config:
            routes: [{route: {cluster: missing}}]
  clusters: []
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "proxy.yaml"
    file.write_text(CONFIG % 0)
    return file


def test_validate_says_what_is_there(path: Path) -> None:
    result = CliRunner().invoke(root, ["proxy", "-c", str(path), "--mode", "validate"])
    assert result.exit_code == 0, result.output
    assert result.stdout == "configuration OK: 1 listener, 1 route, 0 clusters\n"


def test_help_names_every_filter_of_ours() -> None:
    text = " ".join(CliRunner().invoke(root, ["proxy", "--help"]).output.split())
    for name in [*BUILT_IN, GROUP]:
        assert name in text


def test_the_filters_of_the_proxy_and_of_installed_projects_can_be_configured(path: Path) -> None:
    name = "aeraki.meta_protocol.filters.metadata_exchange"
    chain = f"meta_protocol_filters: [{{name: {name}}}, {{name: aeraki.meta_protocol.filters.router}}]"
    text = CONFIG.replace("route_config:", f"{chain}\n          route_config:") % 0
    path.write_text(text)
    result = CliRunner().invoke(root, ["proxy", "-c", str(path), "--mode", "validate"])
    assert result.exit_code == 0, result.output
    path.write_text(text.replace(name, "aeraki.meta_protocol.filters.metadata_xchange"))
    with metaproto("-c", str(path), "--mode", "validate") as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"did you mean {name}?" in errors


def metaproto(*arguments: str) -> subprocess.Popen[str]:
    program = "from metaprotocol_sdk.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "proxy", *arguments], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("mode", ["validate", "serve"])
def test_a_wrong_file_is_all_its_findings_and_2(path: Path, mode: str) -> None:
    path.write_text(CONFIG.replace("stat_prefix", "stat_prefx").replace("clusters: []", "clusterz: []") % 0)
    with metaproto("-c", str(path), "--mode", mode) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "stat_prefx" in errors
    assert "clusterz" in errors


def test_it_serves_says_where_and_ends_with_0_on_sigterm(path: Path) -> None:
    with metaproto("-c", str(path)) as process:
        assert process.stderr is not None
        ready = next(line for line in process.stderr if line.startswith("ready:"))
        assert ready.startswith("ready: listener 'front' on 127.0.0.1:")
        with socket.create_connection(("127.0.0.1", int(ready.rpartition(":")[2]))) as client:
            client.sendall(message(7))
            assert client.recv(65536)[1] == ERROR
            process.send_signal(signal.SIGTERM)
            assert client.recv(65536) == b""
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert errors.endswith(" info stopped\n")


def log_of(path: Path, *options: str) -> list[str]:
    """What a proxy says from its start to its end by SIGTERM, once it is ready."""
    with metaproto("-c", str(path), *options) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "ready:" in line:
                process.send_signal(signal.SIGTERM)
    return said


def test_with_log_format_json_every_line_of_standard_error_is_json(path: Path) -> None:
    said = []
    for line in log_of(path, "--log-format", "json"):
        assert line.startswith("{"), line
        said.append(json.loads(line)["message"])
    assert any(each.startswith("ready: listener 'front' on 127.0.0.1:") for each in said)
    assert said[-1] == "stopped"


def test_every_warning_of_a_file_is_in_the_log_however_many_there_are(path: Path) -> None:
    routes = ", ".join(f"{{match: {{metadata: {{name: a}}}}, route: {{cluster: 'no{n}%%s'}}}}" for n in range(9))
    path.write_text(CONFIG.replace("{route: {cluster: missing}}", routes) % 0)
    log = "".join(log_of(path))
    assert [n for n in range(9) if f"no cluster is named 'no{n}%s'" not in log] == []


def test_an_address_in_use_is_2(path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        path.write_text(CONFIG % taken.getsockname()[1])
        with metaproto("-c", str(path)) as process:
            _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "listener 'front' cannot listen on 127.0.0.1:" in errors
    assert "Traceback" not in errors


def reply_through(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(message(7))
        return client.recv(4096)


def port_of(process: subprocess.Popen[str]) -> int:
    """The port of the next listener that is ready; what else is said before is passed over."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("ready:"):
            return int(line.rpartition(":")[2])
    raise AssertionError("the proxy ended")


@pytest.mark.parametrize("how", ["SIGHUP", "--watch"])
def test_a_changed_file_is_served_without_a_new_process(path: Path, how: str) -> None:
    with metaproto("-c", str(path), *(["--watch"] if how == "--watch" else [])) as process:
        port = port_of(process)
        assert b"unknown cluster 'missing'" in reply_through(port)
        other = path.with_name("next.yaml")
        other.write_text(CONFIG.replace("cluster: missing", "cluster: other") % 0)
        other.replace(path)
        if how == "SIGHUP":
            process.send_signal(signal.SIGHUP)
        assert port_of(process) == port
        assert b"unknown cluster 'other'" in reply_through(port)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def with_admin(path: Path, port: int = 0) -> None:
    admin = f"admin: {{address: {{socket_address: {{address: '::1', port_value: {port}}}}}}}"
    path.write_text(admin + CONFIG % 0)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_admin_port_is_told_after_the_listeners_and_written_to_a_file(
    path: Path, tmp_path: Path, form: str
) -> None:
    with_admin(path)
    file = tmp_path / "admin"
    with metaproto("-c", str(path), "--admin-address-path", str(file), "--log-format", form) as process:
        assert process.stderr is not None
        listener = next(line for line in process.stderr if "ready:" in line)
        assert "listener 'front' on" in listener
        admin = next(line for line in process.stderr if "ready:" in line)
        host, _, port = file.read_text().rpartition(":")
        assert f"admin on {host}:{port}" in admin
        with socket.create_connection((host.strip("[]"), int(port)), timeout=60) as operator:
            operator.sendall(b"POST /quitquitquit HTTP/1.1\r\nHost: h\r\n\r\n")
            assert operator.recv(4096).startswith(b"HTTP/1.1 200 OK")
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_an_admin_address_that_cannot_be_written_is_an_error_in_the_log(path: Path, tmp_path: Path) -> None:
    with_admin(path)
    said = "".join(log_of(path, "--admin-address-path", str(tmp_path / "no" / "file")))
    assert "error the admin interface's address cannot be written to" in said
    assert said.endswith("info stopped\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_while_it_starts_is_a_reload_as_soon_as_it_serves(workers: str, tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    os.mkfifo(file)
    with metaproto("-c", str(file), "--workers", workers) as process:
        assert process.stderr is not None
        with open(file, "w") as written:  # once it is opened by who reads it
            process.send_signal(signal.SIGHUP)
            written.write(CONFIG % 0)
        assert any(line.startswith("ready: listener 'front'") for line in process.stderr)
        file.write_text(CONFIG % 0)
        assert any(line.endswith(" info reloaded\n") for line in process.stderr)
        process.terminate()
        assert process.wait(60) == 0
