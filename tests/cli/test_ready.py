"""``metaproto ready``: one line and an exit code, for whatever answers or does not."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from metaprotocol_sdk.cli import metaproto as root
from tests.proxy.harness import unused_port


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of something that answers one request so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                assert client.recv(4096).startswith(b"GET /ready HTTP/1.1\r\n")
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def ready(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(root, ["ready", *arguments], env=environment)


def test_a_live_proxy_is_0() -> None:
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLIVE\n") as url:
        result = ready("--url", url)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "LIVE\n", "")


def test_the_url_may_be_said_in_the_environment() -> None:
    with answering(b"HTTP/1.1 503 x\r\ncontent-length: 9\r\n\r\nDRAINING\n") as url:
        result = ready(METAPROTO_ADMIN_URL=url)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "DRAINING\n")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nLI"])
def test_what_is_no_answer_is_1_and_a_line(answer: bytes) -> None:
    with answering(answer) as url:
        result = ready("--url", url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"no answer from {url}: ")
    assert len(result.stderr.splitlines()) == 1


def test_nobody_there_is_1_and_nobody_who_answers_too() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    result = ready("--url", url)
    assert (result.exit_code, result.stderr) == (1, f"no answer from {url}: connection refused\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = ready("--url", f"http://127.0.0.1:{silent.getsockname()[1]}", "--timeout", "0.05")
    assert result.exit_code == 1
    assert result.stderr.endswith(": timed out\n")


@pytest.mark.parametrize("url", ["", "localhost:9901", "https://localhost", "http://", "http://h:x", "http://["])
def test_what_is_no_url_is_2(url: str) -> None:
    result = ready("--url", url)
    assert result.exit_code == 2
    assert "expected a URL such as http://127.0.0.1:9901" in result.stderr


def test_it_costs_a_probe_little() -> None:
    program = (
        "import sys; sys.argv = ['metaproto', 'ready', '--url', 'http://127.0.0.1:1']\n"
        "from metaprotocol_sdk.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'click', 'metaprotocol_sdk'" in done.stdout
    for dear in ("pydantic", "yaml", "asyncio", "construct", "rich"):
        assert dear not in done.stdout
