"""Far sides for tests: programs of a few lines, and the C++ example built once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "docs/how-to/foreign-codec/awesomerpc.cpp"

_FRAME = """
import json, os, struct, sys, time

def read():
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        sys.exit(0)
    return json.loads(sys.stdin.buffer.read(struct.unpack(">I", head)[0]))

def write(answer):
    data = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)
    sys.stdout.buffer.flush()

HELLO = {"protocol": 1, "name": "far", "request_ids": [0, 65535]}
"""


def program(body: str) -> list[str]:
    """The command of a far side whose ``read()`` and ``write()`` are there already."""
    return [sys.executable, "-c", _FRAME + textwrap.dedent(body)]


def answering(answer: str) -> list[str]:
    """The command of a far side that says hello, and to anything else what the Python expression ``answer`` makes of
    ``question``.
    """
    return program(
        f"""
        while True:
            question = read()
            write(HELLO if question["op"] == "hello" else {answer})
        """
    )


def built(folder: Path, *defines: str) -> str:
    """The C++ example as a program, with some of its faults switched on."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("g++ is not installed; apt-get install g++")
    path = folder / "-".join(["awesomerpc", *defines])
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", *(f"-D{each}" for each in defines)]
    subprocess.run([compiler, *flags, "-o", str(path), str(SOURCE)], check=True)
    return str(path)
