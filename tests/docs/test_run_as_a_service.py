"""The page about services: its commands print what it shows, its units are systemd's, its image is what it says."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.docs.transcript import Transcript

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/run-as-a-service.md"
METAPROTO = Path(sys.executable).parent / "metaproto"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")


@needs_curl
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    with Transcript(PAGE, tmp_path) as transcript:
        assert transcript.run() > 5
        assert transcript.jobs[0].wait(timeout=20) == 0


def saved(name: str) -> str:
    found = re.search(
        rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    assert found is not None
    return found[1]


@needs_systemd
def test_the_units_are_right_and_the_service_is_confined(tmp_path: Path) -> None:
    config = tmp_path / "proxy.yaml"
    config.write_text(saved("proxy.yaml"))
    for unit in ("metaproto.service", "metaproto.socket"):
        (tmp_path / unit).write_text(saved(unit).replace("/opt/metaproto/bin/metaproto", str(METAPROTO)))
    units = [str(tmp_path / unit) for unit in ("metaproto.service", "metaproto.socket")]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "metaproto" not in done.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--json=short", units[0]],
        capture_output=True,
        text=True,
        check=False,
    )
    if judged.stdout.startswith("["):
        exposure = sum(float(each["exposure"] or 0) for each in json.loads(judged.stdout))
        assert exposure < 3.0, judged.stdout


@pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="systemd is not installed")
def test_a_socket_of_systemd_reaches_the_proxy_by_its_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = tmp_path / "proxy.yaml"
    config.write_text(saved("proxy.yaml").replace("9000", str(port)).replace("9901", "0"))
    command = ["systemd-socket-activate", "-l", f"127.0.0.1:{port}", str(METAPROTO), "proxy", "-c", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Listening on"):
                break
        with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
            client.sendall(bytes.fromhex("01 00000007 0000000d 0001 0000"))
            assert b"meta protocol" in client.recv(4096)  # an error reply: no server is there
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 0
    assert f"ready: listener 'orders' on 127.0.0.1:{port}" in said
    assert "cannot listen" not in said


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile and its arguments, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def last(word: str) -> str:
    return [rest for found, rest in instructions() if found == word][-1]


def test_the_image_is_what_the_page_says() -> None:
    assert [rest for word, rest in instructions() if word == "FROM"] == [
        "python:3.12-slim AS build",
        "python:3.12-slim",
    ]
    stage = [word for word, _ in instructions()]
    stage = stage[len(stage) - stage[::-1].index("FROM") - 1 :]
    assert "RUN" not in stage, "what runs is what was copied"
    user, _, group = last("USER").partition(":")
    assert int(user) == int(group) > 9999
    assert f"user {user}" in PAGE.read_text()
    assert f"runAsUser: {user}, runAsGroup: {group}" in PAGE.read_text()
    assert last("STOPSIGNAL") == "SIGTERM"
    assert json.loads(last("ENTRYPOINT")) == ["metaproto", "proxy"]
    assert json.loads(last("CMD")) == ["-c", "/etc/metaproto/proxy.yaml"]
    options, _, check = last("HEALTHCHECK").partition(" CMD ")
    assert json.loads(check) == ["metaproto", "ready"]
    assert "--interval=10s" in options
    assert "PYTHONDONTWRITEBYTECODE=1" in last("ENV")
    for label in ("title", "description", "licenses"):
        assert f"org.opencontainers.image.{label}=" in last("LABEL")


def test_the_image_is_built_of_what_the_wheel_needs_and_nothing_else() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], project["project"]["readme"], "LICENSE", "pyproject.toml"}
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == needed
    assert [line for line in lines[1:] if not line.startswith("!")] == ["**/__pycache__"]


def test_kubernetes_waits_longer_than_the_proxy_drains() -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (spec,) = [each["spec"] for each in map(yaml.safe_load, blocks) if "spec" in each]
    (container,) = spec["containers"]
    drain = int(container["args"][container["args"].index("--drain-time") + 1].removesuffix("s"))
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert spec["terminationGracePeriodSeconds"] > drain + pause
