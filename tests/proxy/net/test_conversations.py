from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.exceptions import CodecBug
from metaprotocol_sdk.proxy.config.values import TcpCheckConfig
from metaprotocol_sdk.proxy.net.conversations import HeartbeatConversation, PayloadConversation
from metaprotocol_sdk.proxy.net.probe import Heard
from metaprotocol_sdk.registry import load_codec
from tests.proxy.codecs import DATA, ERROR, ONEWAY, PING, PONG, REPLY, FewIdsCodec, IdCodec, LineCodec, message
from tests.proxy.lines import BeatingLineCodec

NOTHING = Heard()
WELL = Heard("")
ERRS = Heard("it answers the heartbeat with an error")


def test_bytes_are_sent_and_bytes_have_to_come() -> None:
    said = PayloadConversation(TcpCheckConfig(b"ping", (b"po", b"ng")))
    assert said.hear(b"po ng") == NOTHING  # nobody asked
    assert said.ask() == b"ping"
    assert [said.hear(each) for each in (b"ng", b"xpo", b"n", b"g")] == [NOTHING, NOTHING, NOTHING, WELL]
    assert said.hear(b"po ng") == NOTHING
    assert said.ask() == b"ping"
    assert said.hear(b"po ng") == WELL


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (message(5, kind=PONG), WELL),
        (message(5, kind=REPLY), WELL),
        (message(5, kind=ERROR), ERRS),
        (message(6, kind=PONG), NOTHING),
        (message(6, kind=ERROR), NOTHING),
        (message(5, kind=DATA), NOTHING),
        (message(5, kind=ONEWAY), NOTHING),
        (message(5, kind=PONG)[:4], NOTHING),
        (message(5, kind=PING), Heard(None, message(5, kind=PONG))),
        (message(9, kind=PING) + message(5, kind=PONG), Heard("", message(9, kind=PONG))),
        (message(5, kind=PONG) + message(5, kind=ERROR), WELL),
    ],
)
def test_a_heartbeat_is_answered_by_what_has_its_id(answer: bytes, heard: Heard) -> None:
    said = HeartbeatConversation(FewIdsCodec())
    assert said.hear(message(5, kind=PONG)) == NOTHING  # nobody asked
    assert said.ask() == message(5, kind=PING)
    assert said.hear(answer) == heard


def test_each_heartbeat_has_an_id_of_its_own() -> None:
    said = HeartbeatConversation(FewIdsCodec())
    for number in (5, 6, 7, 5):
        assert said.ask() == message(number, kind=PING)
        assert said.hear(message(number - 1, kind=PONG)) == NOTHING
        assert said.hear(message(number, kind=PONG)) == WELL


def test_bytes_that_are_no_message_are_no_good_answer() -> None:
    said = HeartbeatConversation(IdCodec())
    said.ask()
    heard = said.hear(message(7, kind=PING) + b"HTTP/1.1 200 OK\r\n\r\n")
    assert heard.answer == message(7, kind=PONG)
    assert heard.verdict is not None
    assert "magic 0x48" in heard.verdict


def test_without_ids_the_next_answer_is_the_one() -> None:
    said = HeartbeatConversation(BeatingLineCodec())
    assert said.ask() == b"PING\n"
    assert said.hear(b"PING\nPO") == Heard(None, b"PONG\n")
    assert said.hear(b"NG\n") == WELL
    said.ask()
    assert said.hear(b"ERR down\n") == ERRS


@pytest.mark.parametrize("codec", [LineCodec()])
def test_a_codec_without_a_heartbeat_is_at_fault(codec: Codec) -> None:
    with pytest.raises(CodecBug, match="heartbeat returned False and wrote 0 bytes"):
        HeartbeatConversation(codec).ask()


def test_dubbo_s_heartbeats() -> None:
    codec = load_codec("dubbo")
    one, other = HeartbeatConversation(codec), HeartbeatConversation(codec)
    asked = one.ask()
    assert asked[:3] == b"\xda\xbb\xe2"
    answer = b"\xda\xbb\x22\x14" + asked[4:12] + b"\0\0\0\1N"
    assert one.hear(answer) == WELL
    assert one.hear(other.ask()).answer[:4] == b"\xda\xbb\x22\x14"
