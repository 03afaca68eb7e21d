"""Runs a page as its reader would: its commands in order, its edits to files, its output compared.

A page's ``console`` blocks hold commands after ``$ `` (continued after ``> ``) and what they print; ``...`` stands for
anything. A command that ends in ``&`` goes on until ``kill %N``; what one prints when it is signalled otherwise, as by
``kill -HUP %N``, stands below that. A ``diff`` block after ``<!-- edit: FILE -->`` changes
that file, and a block after ``<!-- file: FILE -->`` becomes it. Ports the page names are replaced by free ones, in
commands, output and files.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

_PART = re.compile(
    r"^```console\n(?P<console>.*?)^```$"
    r"|^<!-- file: (?P<new>[^\n]+?) -->\n```\w+\n(?P<content>.*?)^```$"
    r"|^<!-- edit: (?P<file>[^,\n]+?)(?P<every>, every)? -->\n```diff\n(?P<diff>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Transcript:
    """One reading of a page, in a folder of its own."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.text = page.read_text()
        self.folder = folder
        self.cwd = folder / "work"
        self.cwd.mkdir()
        self.ports = {port: str(_free_port()) for port in sorted(set(re.findall(r"\b90\d\d\b|\b9901\b", self.text)))}
        self.jobs: list[subprocess.Popen[str]] = []
        self.printed: dict[int, str] = {}
        """What each job that has ended printed after its first line, by its number."""
        self.site = folder / "site"
        self.site.mkdir()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for job in self.jobs:
            self._end(job)

    def run(self) -> int:
        """Runs the page; how many commands it had."""
        count = 0
        for part in _PART.finditer(self.text):
            if part["new"] is not None:
                (self.cwd / part["new"]).write_text(self._local(part["content"]))
                continue
            if part["diff"] is not None:
                self._edit(part["file"], part["diff"], every=part["every"] is not None)
                continue
            for command, expected in _commands(part["console"]):
                self._command(command, expected)
                count += 1
        return count

    def _command(self, command: str, expected: str) -> None:
        command = self._local(command)
        if command.startswith("cd "):
            self.cwd = self.cwd / command[3:]
        elif (signalled := re.fullmatch(r"kill -(\w+) %(\d+)", command)) is not None:
            self._signal(self.jobs[int(signalled[2]) - 1], signal.Signals[f"SIG{signalled[1]}"], expected)
        elif command.startswith("kill "):
            for number in re.findall(r"%(\d+)", command):
                self._end(self.jobs[int(number) - 1])
        elif "pip install --editable" in command:
            self._register()
        elif command.endswith("&"):
            self._start(command[:-1], expected)
        else:
            done = subprocess.run(
                ["bash", "-c", command],
                cwd=self.cwd,
                env=self._environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            _compare(self._local(expected), done.stdout + done.stderr, command)
        if command.startswith("metaproto new"):
            self._move_ports()

    def _start(self, command: str, expected: str) -> None:
        job = subprocess.Popen(
            shlex.split(command),
            cwd=self.cwd,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.jobs.append(job)
        assert job.stdout is not None
        # The first line says that it listens: reading it waits for exactly that.
        _compare(self._local(expected), job.stdout.readline(), command)

    def _signal(self, job: subprocess.Popen[str], number: signal.Signals, expected: str) -> None:
        job.send_signal(number)
        assert job.stdout is not None
        printed = "".join(job.stdout.readline() for _ in expected.splitlines())
        _compare(self._local(expected), printed, f"kill -{number.name}")

    def _end(self, job: subprocess.Popen[str]) -> None:
        if job.poll() is None:
            job.send_signal(signal.SIGTERM)
        output, _ = job.communicate(timeout=30)
        self.printed.setdefault(self.jobs.index(job) + 1, output)

    def _environment(self) -> dict[str, str]:
        folder = str(Path(sys.executable).parent)
        return {
            **os.environ,
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(self.site), str(self.cwd)]),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "COLUMNS": "100",
            "PYTHONUTF8": "1",
        }

    def _register(self) -> None:
        """What installing the project does for entry points, without a network."""
        info = self.site / "tutorial-0.1.0.dist-info"
        info.mkdir()
        project = (self.cwd / "pyproject.toml").read_text()
        point = re.search(r'metaprotocol\.codecs"\]\n(\w+) = "([^"]+)"', project)
        assert point is not None
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tutorial\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text(f"[metaprotocol.codecs]\n{point[1]} = {point[2]}\n")

    def _edit(self, file: str, diff: str, *, every: bool) -> None:
        path = self.cwd / file
        old = "\n".join(line[1:] for line in diff.splitlines() if line.startswith("-"))
        new = "\n".join(line[1:] for line in diff.splitlines() if line.startswith("+"))
        text = path.read_text()
        assert text.count(old) >= 1 if every else text.count(old) == 1, f"{file} has {text.count(old)} of {old!r}"
        path.write_text(text.replace(old, new))

    def _move_ports(self) -> None:
        for path in self.cwd.rglob("proxy.yaml"):
            path.write_text(self._local(path.read_text()))

    def _local(self, text: str) -> str:
        for theirs, ours in self.ports.items():
            text = re.sub(rf"\b{theirs}\b", ours, text)
        return text


def _commands(block: str) -> Iterator[tuple[str, str]]:
    command, expected = "", ""
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, expected
            command, expected = line[2:], ""
        elif line.startswith("> ") and not expected:
            command += "\n" + line[2:]
        else:
            expected += line + "\n"
    yield command, expected


def _compare(expected: str, printed: str, command: str) -> None:
    pattern = re.escape(expected.strip()).replace(r"\.\.\.", ".*?")
    assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"$ {command}\nprinted:\n{printed}\nexpected:\n{expected}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
