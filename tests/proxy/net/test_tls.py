"""What new connections use is swapped; what is wrong is counted. Whole proxies: tests/integration/test_proxy_tls.py."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from metaprotocol_sdk.proxy.net import tls
from metaprotocol_sdk.proxy.net.loop import Turns
from metaprotocol_sdk.proxy.net.tls import Gate, Security
from tests.integration.securing import shown
from tests.proxy.certificates import Authority, replace_file
from tests.proxy.harness import run, until


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    monkeypatch.setattr(tls, "WATCH_INTERVAL", 0.01)
    return Authority(tmp_path)


def test_a_file_that_is_written_with_what_it_had_is_no_change(authority: Authority) -> None:
    certificate = authority.issue("x")

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        security = Security(shown(certificate), turns, owner="listener main")
        security.start()
        security.start()
        before = security.context
        replace_file(certificate.chain_path, certificate.chain)
        authority.issue("x", file="y")
        await asyncio.sleep(0.1)
        assert security.context is before
        assert security.stats.context_update_by_file == 0
        authority.issue("x")
        await until(lambda: security.context is not before)
        security.close()
        assert len(turns.wheel) == 0
        await turns.close()

    run(main())


def test_an_update_that_cannot_be_used_leaves_nothing_to_connect_by_until_it_can(authority: Authority) -> None:
    certificate, second = authority.issue("x"), authority.issue("y")

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        replace_file(second.key_path, b"words")
        with pytest.raises(ValueError, match="expected a private key in PEM, found none"):
            Security(shown(second), turns, owner="cluster all")
        security = Security(shown(certificate), turns, owner="cluster all")
        security.update(shown(second))
        assert security.context is None
        assert security.stats.key_rotation_failed == 1
        replace_file(second.key_path, second.key)
        await until(lambda: security.context is not None)
        security.close()
        await turns.close()

    run(main())


def test_a_file_that_has_gone_is_told_and_changes_nothing(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    certificate = authority.issue("x")
    key = Path(certificate.key_path)

    async def main() -> None:
        turns = Turns(asyncio.get_running_loop())
        security = Security(shown(certificate), turns, owner="listener main")
        before = security.context
        security.start()
        await asyncio.to_thread(key.unlink)
        await until(lambda: security.stats.key_rotation_failed == 1)
        assert security.context is before
        security.close()
        await turns.close()

    run(main())
    (said,) = caplog.messages
    assert said.startswith("listener main: changed certificates cannot be used, the certificates before stay: ")
    assert said.endswith("cannot be read: no such file or directory")


def verification(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "x")
    error.verify_code, error.verify_message, error.reason = code, "expired", "CERTIFICATE_VERIFY_FAILED"
    return error


def openssl(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "x")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "counter", "said"),
    [
        (verification(10), "fail_verify_error", "certificate verify failed: expired"),
        (verification(62), "fail_verify_san", "certificate verify failed: expired"),
        (openssl("PEER_DID_NOT_RETURN_A_CERTIFICATE"), "fail_verify_no_cert", "it has shown no certificate"),
        (openssl("WRONG_VERSION_NUMBER"), "connection_error", "what it has sent is no TLS"),
        (openssl("HTTP_REQUEST"), "connection_error", "what it has sent is no TLS"),
        (openssl("NO_SHARED_CIPHER"), "connection_error", "no shared cipher"),
        (ConnectionResetError(), "connection_error", "it has closed the connection"),
        (ConnectionResetError(104, "reset"), "connection_error", "[Errno 104] reset"),
    ],
)
def test_a_failure_is_counted_by_its_kind(error: OSError, counter: str, said: str, authority: Authority) -> None:
    async def main() -> None:
        security = Security(shown(authority.issue("x")), Turns(asyncio.get_running_loop()), owner="x")
        assert security.failed(error) == said
        counted = {name for name, count in security.stats.snapshot().items() if count}
        assert counted == {counter}

    run(main())


def test_a_gate_hands_on_what_has_been_read_already() -> None:
    class Kept(asyncio.Protocol):
        def __init__(self) -> None:
            self.calls: list[object] = []

        def connection_made(self, transport: Any) -> None:
            self.calls.append(transport)

        def data_received(self, data: bytes) -> None:
            self.calls.append(data)

    class Line:
        protocol: object = None

        def set_protocol(self, protocol: object) -> None:
            self.protocol = protocol

    kept, line = Kept(), Line()
    Gate(lambda: kept, begun=b"begun").connection_made(line)
    assert (line.protocol, kept.calls) == (kept, [line, b"begun"])
