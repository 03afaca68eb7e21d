"""The README's "Try it" as it is written: two servers, the proxy and a client, for every shape."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from metaprotocol_sdk.demo.process import Process
from metaprotocol_sdk.demo.project import Project
from tests.template.projects import SHAPES, rendered, shape_id


def ask(project: Project, port: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"{project.package}.echo", "client", "--port", str(port), *arguments]
    return subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)


def console(text: str) -> list[str]:
    """The commands of a Markdown page, in order."""
    return [line for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]


@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_the_readme_can_be_followed(tmp_path: Path, shape: dict[str, str]) -> None:
    project = rendered(tmp_path, shape)
    clients = [line.split()[6:] for line in console(project.read("README.md")) if ".echo client" in line]
    seen = {"yes": (" [stage=test]", " [stage=canary]"), "no": ("", "")}[shape["headers"]]
    with ExitStack() as stack:

        def start(*arguments: str) -> tuple[Process, int]:
            process = stack.enter_context(
                Process(" ".join(arguments), ["-m", *arguments], folder=project.folder, path=project.path)
            )
            return process, process.wait_for_port()

        echo = f"{project.package}.echo"
        _, v1 = start(echo, "server", "--port", "0", "--label", "v1")
        v2_server, v2 = start(echo, "server", "--port", "0", "--label", "v2")
        file = project.folder / "proxy.yaml"
        text = project.read("proxy.yaml").replace("port_value: 9000 ", "port_value: 0 ")
        file.write_text(text.replace(": 9001 ", f": {v1} ").replace(": 9002 ", f": {v2} "))
        _, port = start("metaprotocol_sdk", "proxy", "-c", "proxy.yaml")

        replies = [ask(project, port, *arguments) for arguments in clients]
        v2_server.stop()
        failed = ask(project, port, *clients[1])

    assert [reply.stdout for reply in replies] == [
        f"reply to request 1: v1: hello{seen[0]}\n",
        f"reply to request 1: v2: hello{seen[1]}\n",
    ]
    assert [reply.returncode for reply in replies] == [0, 0]
    assert failed.returncode == 1
    assert failed.stdout.startswith("error to request 1: meta protocol")


def test_what_cannot_be_done_is_a_sentence(tmp_path: Path) -> None:
    project = rendered(tmp_path, SHAPES[0])
    server = ["-m", f"{project.package}.echo", "server", "--port"]
    with Process("echo", [*server, "0"], folder=project.folder, path=()) as running:
        port = running.wait_for_port()
        too_large = ask(project, port, "--command", "65536")
        command = [sys.executable, *server, str(port)]
        in_use = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    nobody = ask(project, port)
    no_port = ask(project, 65536)
    sentences = {
        "cannot encode 'command'": too_large,
        "address already in use": in_use,
        str(port): nobody,
        "port must be 0-65535": no_port,
    }
    for sentence, done in sentences.items():
        assert (done.returncode, done.stdout) == (1, "")
        assert sentence in done.stderr
        assert done.stderr.count("\n") == 1
