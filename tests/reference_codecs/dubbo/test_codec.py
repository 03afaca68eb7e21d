"""The codec by bytes: what Dubbo's own peers write, hostile messages, what upstream gets wrong, and cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import (
    Buffer,
    DecodeError,
    Decoder,
    DecodeStatus,
    EncodeError,
    Error,
    ErrorType,
    MessageTooLarge,
    MessageType,
    Metadata,
    ResponseStatus,
    load_codec,
)
from reference_codecs.dubbo.codec import DubboCodec
from reference_codecs.dubbo.hessian import Hessian
from reference_codecs.dubbo.hessian2 import write_string
from tests.reference_codecs.dubbo.helpers import (
    CALL,
    CALL_BODY,
    CODEC,
    FRONT,
    HEARTBEAT,
    REQUEST,
    RESPONSE,
    answer,
    listen,
    message,
    read,
    reply,
    vectors,
    written,
)

JAVA_STREAMS = (3, 4, 7)
ROWS = vectors("dubbo.jsonl")
needs_vectors = pytest.mark.skipif(not ROWS, reason="what Dubbo for Java writes is not beside the checkout")


def rows(*kinds: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    """The messages of these kinds, which must be some."""
    found = [row for row in ROWS if row["kind"] in kinds]
    assert found
    return ((row, bytes.fromhex(row["hex"])) for row in found)


def test_a_request_by_bytes() -> None:
    found = read(CALL)
    assert found.is_deferred
    assert dict(found) == {
        "serialization": "hessian2",
        "dubbo": "2.0.2",
        "interface": "com.Shop",
        "version": "1.0.0",
        "method": "buy",
        "parameter_types": "Ljava/lang/String;I",
        "path": "com.Shop",
        "trace": "abc",
    }
    assert (found.message_type, found.request_id, found.operation_name) == (REQUEST, 7, "com.Shop/buy")
    assert (found.header_size, found.body_size, found.origin_message) == (16, len(CALL) - 16, CALL)


def test_a_reply_by_bytes() -> None:
    found = read(reply(b"\x94\x02hiH\x05trace\x03abcZ"), RESPONSE)
    assert dict(found) == {
        "serialization": "hessian2",
        "status": "20",
        "status_name": "OK",
        "response_type": "value",
        "trace": "abc",
    }
    assert (found.message_type, found.request_id, found.response_status) == (RESPONSE, 7, ResponseStatus.OK)


def test_the_codec_is_found_by_its_name() -> None:
    codec = load_codec("aeraki.meta_protocol.codec.dubbo", max_depth=3, max_message_size=100)
    assert isinstance(codec, DubboCodec)
    assert codec.request_ids == range(1, 1 << 53)
    with pytest.raises(ValueError, match="max_depth is 0; it is a number, at least 1"):
        DubboCodec(max_depth=0)
    with pytest.raises(ValueError, match="max_containers is 0; it is a number, at least 1"):
        DubboCodec(max_containers=0)


@needs_vectors
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_what_peers_write_is_read_in_any_pieces(step: int) -> None:
    assert len(ROWS) == 90
    for row in ROWS:
        data = bytes.fromhex(row["hex"])
        (found,) = listen(data, REQUEST if row["header"]["is_request"] else RESPONSE, step)
        assert found.origin_message == data
        assert found.request_id == row["request_id"] % (1 << 64)
        assert found["serialization"] == row["serialization"]


@needs_vectors
def test_a_request_says_what_javas_reader_finds() -> None:
    for row, data in rows("request"):
        found, oracle = read(data), row["java_decode"]
        said = (oracle["dubbo_version"], oracle["service"], oracle["method"], oracle["param_types_desc"])
        assert tuple(found[key] for key in ("dubbo", "interface", "method", "parameter_types")) == said
        assert found.message_type is (REQUEST if row["two_way"] else MessageType.ONEWAY)
        assert found.operation_name == f"{oracle['service']}/{oracle['method']}"
        if row["serialization_id"] in JAVA_STREAMS:
            assert found["version"] == oracle["service_version"]
            continue
        assert found.get("version") == (oracle["service_version"] or None)
        attached = {key: each for key, each in oracle["attachments"].items() if isinstance(each, str)}
        assert {key: found.get(key) for key in attached if attached[key]} == {k: v for k, v in attached.items() if v}
        assert len(found) <= 6 + len(attached)


@needs_vectors
def test_a_reply_says_what_javas_reader_finds() -> None:
    types = {0: "exception", 1: "value", 2: "null", 3: "exception", 4: "value", 5: "null"}
    for row, data in rows("response"):
        found = read(data, RESPONSE)
        assert found["status"] == str(row["status"])
        assert found.message_type is (RESPONSE if row["status"] == 20 else MessageType.ERROR)
        if row["status"] == 20 and not row.get("malformed"):
            assert found["response_type"] == types[row["response_type"]]
            attached = {} if row["serialization_id"] in JAVA_STREAMS else row.get("attachments") or {}
            assert {key: found[key] for key in attached} == attached


@needs_vectors
def test_every_attachment_that_is_set_and_removed_leaves_the_bytes_of_the_peer() -> None:
    changed = 0
    for row, data in rows("request", "response"):
        side = REQUEST if row["kind"] == "request" else RESPONSE
        found = read(data, side)
        if not CODEC.can_mutate(found):
            with pytest.raises(EncodeError):
                written(found, trace="größe")
            continue
        before = dict(found)
        after = read(written(found, added="größe"), side)
        assert dict(after) == before | {"added": "größe"}
        assert written(after, added=None) == data
        changed += 1
    assert changed > 50


@needs_vectors
@pytest.mark.parametrize("step", [1, 13, 1 << 20])
def test_recorded_conversations_are_read_and_written_byte_for_byte(step: int) -> None:
    sessions = vectors("dubbo_sessions.jsonl")
    assert {row["session"] for row in sessions} >= {"java_java", "java_java_hb"}
    for row in sessions:
        for name, side in (("client_to_server_hex", REQUEST), ("server_to_client_hex", RESPONSE)):
            data = bytes.fromhex(row[name])
            found = (
                listen(data if step > 13 else data[:4000], side, step) if step > 13 else heard(data[:4000], side, step)
            )
            assert found
            assert data.startswith(b"".join(written(each) for each in found))


def heard(data: bytes, side: MessageType, step: int) -> list[Metadata]:
    """The whole messages at the front of a stream that is cut off."""
    decoder, found = Decoder(CODEC, side), []
    for start in range(0, len(data), step):
        decoder.receive_data(data[start : start + step])
        while (each := decoder.next_message()) is not None:
            found.append(each)
    return found


# What MetaProtocol Proxy's own codec gets wrong (its ``dubbo`` application protocol).


def test_attachments_never_say_what_is_called() -> None:
    body = FRONT + b"\0H\x09interface\x05other\x06METHOD\x05other\x07version\x05otherZ"
    found = read(message(body))
    assert (found["interface"], found["method"], found["version"]) == ("com.Shop", "buy", "1.0.0")
    found.load()
    assert (found["interface"], found["method"], found["version"]) == ("com.Shop", "buy", "1.0.0")


def test_a_version_that_the_call_leaves_out_may_be_an_attachment() -> None:
    for nothing in (b"N", b"\0"):
        body = b"\x052.0.2\x08com.Shop" + nothing + b"\x03buy\0H\x07version\x052.0.0Z"
        assert read(message(body))["version"] == "2.0.0"


def test_a_oneway_is_written_again() -> None:
    found = read(message(CALL_BODY, flags=0x82))
    assert found.message_type is MessageType.ONEWAY
    assert written(found) == found.origin_message
    assert read(written(found, trace="x"))["trace"] == "x"


@pytest.mark.parametrize("status", [0, 10, 25, 35, 61, 80, 255])
def test_a_reply_of_any_status_is_read(status: int) -> None:
    found = read(reply(b"\x02no", status=status), RESPONSE)
    assert (found.message_type, found.response_status) == (MessageType.ERROR, ResponseStatus.ERROR)
    assert found["status"] == str(status)
    assert found["status_name"] == {25: "SERIALIZATION_ERROR", 35: "CHANNEL_INACTIVE", 80: "SERVER_ERROR"}.get(
        status, "UNKNOWN"
    )


@pytest.mark.parametrize("number", [0, 8, 9, 11, 22, 27, 31])
def test_a_request_in_a_foreign_serialization_passes_until_something_of_it_is_asked_for(number: int) -> None:
    found = read(message(b"\xff\xfe any bytes", flags=0xC0 | number))
    assert found.message_type is REQUEST
    assert found.operation_name
    assert written(found) == found.origin_message
    assert found["serialization"]
    for _ in range(2):
        with pytest.raises(DecodeError, match=r"the call is asked for, and written in .*, which is not read"):
            found.get("interface")


def test_a_readonly_event_is_no_heartbeat() -> None:
    found = read(message(b"\x01R", flags=0xA2))
    assert (found.message_type, found["event"]) == (MessageType.ONEWAY, "R")


@pytest.mark.parametrize("body", [b"\x91\x91", b"\x91H\x01aNZ", b"\x94\xe0HZ", b"\x94C\x01A\x90`HZ", b"\x91\x02hi"])
def test_a_reply_of_any_value_is_read_and_forwarded(body: bytes) -> None:
    found = read(reply(body), RESPONSE)
    assert (found["response_type"], found.response_status) == ("value", ResponseStatus.OK)
    assert written(found) == found.origin_message
    assert read(written(found, trace="x"), RESPONSE)["trace"] == "x"


@pytest.mark.parametrize("body", [b"\x90C\x01E\x90`", b"\x93C\x01E\x90`HZ"])
def test_a_business_exception_is_told_apart_and_forwarded_untouched(body: bytes) -> None:
    found = read(reply(body), RESPONSE)
    assert (found.message_type, found.response_status) == (RESPONSE, ResponseStatus.OK)
    assert found["response_type"] == "exception"
    assert written(found) == found.origin_message


def test_arguments_are_walked_only_for_what_is_behind_them() -> None:
    found = read(message(FRONT + b"\x01IEbroken"))
    assert found["method"] == "buy"
    assert written(found) == found.origin_message
    for _ in range(2):
        with pytest.raises(DecodeError, match=r"at byte \d+ in arguments\[0\]: "):
            found.get("trace")


def test_a_client_is_told_of_every_error() -> None:
    request = read(CALL)
    assert answer(request, Error(ErrorType.UNSPECIFIED, "no")) == reply(b"\x02no", status=80)


# What is refused, and when.


@pytest.mark.parametrize("length", [(1 << 24) - 15, 0x7FFFFFFF])
def test_a_length_over_the_limit_is_refused_before_anything_is_waited_for(length: int) -> None:
    with pytest.raises(MessageTooLarge, match="at byte 12 in body_length"):
        read(CALL[:12] + length.to_bytes(4, "big"))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (CALL[:12] + b"\xff\xff\xff\xff", "at byte 12 in body_length: the body length is -1"),
        (b"\xda\xbc" + CALL[2:], "at byte 0 in magic: it starts with dabc, not dabb"),
        (b"GET / HTTP/1.1\r\n", "it starts with 4745, not dabb; this is HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\n", "this is HTTP/2, as Dubbo's protocol tri speaks it"),
        (b"\x16\x03", "this is TLS"),
        (b"x", "it starts with 78"),
        (message(b""), "at byte 16 in dubbo: "),
        (message(FRONT), "at byte 41 in parameter_types: "),
        (message(FRONT[:-1]), "in method: the data ends"),
        (message(b"\x052.0.2N\x051.0.0\x03buy\0"), "in interface: the request has no interface"),
        (message(b"\x052.0.2\x08com.Shop\x051.0.0N\0"), "in method: the request has no method"),
        (message(b"\x90" + CALL_BODY), "at byte 16 in dubbo: "),
        (message(b"", flags=0xE2), "at byte 16 in event: "),
    ],
)
def test_a_malformed_request_is_refused_where_it_is(data: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(data)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "at byte 16 in response_type: "),
        (b"\x96", "at byte 16 in response_type: the response type is 6; it is 0 to 5"),
        (b"\x8f", "the response type is -1"),
        (b"NN", "in response_type: "),
    ],
)
def test_a_malformed_reply_is_refused_where_it_is(body: bytes, sentence: str) -> None:
    with pytest.raises(DecodeError, match=sentence):
        read(reply(body), RESPONSE)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (FRONT + b"\x03Foo", "in parameter_types: they are no JVM descriptor of at most 255"),
        (FRONT + b"\xc9\x00" + b"N" * 257, "in parameter_types: they are no JVM descriptor of at most 255"),
        (FRONT + b"\x01I\x91\x91", "in attachments: the byte 0x91 starts no map"),
        (FRONT + b"\x02II\x91", r"in arguments\[1\]: "),
        (FRONT + b"\0H\x01a", "in attachments: the data ends"),
        (FRONT + b"\x01I" + b"x" * 2000 + b"Z", r"in arguments\[0\]: |in attachments: "),
    ],
)
def test_malformed_arguments_and_attachments_are_refused_where_they_are(body: bytes, sentence: str) -> None:
    found = read(message(body))
    with pytest.raises(DecodeError, match=sentence):
        found.load()
    with pytest.raises(EncodeError, match="the attachments cannot be reached"):
        written(found, x="1")


def test_arguments_may_nest_as_deep_as_is_configured() -> None:
    data = message(FRONT + b"\x01I" + b"\x79" * 20 + b"N" + b"HZ")
    read(data, codec=DubboCodec(max_depth=20)).load()
    with pytest.raises(DecodeError, match=r"in arguments\[0\]: values nest deeper than 19"):
        read(data, codec=DubboCodec(max_depth=19)).load()


def test_a_reply_that_a_client_sends_is_a_reply() -> None:
    assert read(reply(b"\x91\x91"), REQUEST).message_type is RESPONSE
    assert read(reply(b"\x02no", status=70), REQUEST).message_type is MessageType.ERROR
    assert read(CALL, RESPONSE).message_type is REQUEST


@given(
    st.sampled_from((CALL, message(CALL_BODY, flags=0xC6), message(CALL_BODY, flags=0xC3), reply(b"\x94N"), HEARTBEAT)),
    st.binary(max_size=60),
    st.integers(2, 60),
    st.sampled_from((REQUEST, RESPONSE)),
)
def test_anything_is_a_message_a_wait_or_a_decode_error(front: bytes, rest: bytes, cut: int, side: MessageType) -> None:
    decoder = Decoder(CODEC, side)
    decoder.receive_data(front[:cut] + rest)
    refused: DecodeError | None = None
    try:
        while (found := decoder.next_message()) is not None:
            found.load()
    except DecodeError as error:
        refused = error
    assert refused is None or (refused.path and str(refused))


# The rest of the contract.


def test_a_null_without_a_response_type_is_a_null() -> None:
    found = read(reply(b"N"), RESPONSE)
    assert (found.message_type, found["response_type"]) == (RESPONSE, "null")
    assert not CODEC.can_mutate(found)
    with pytest.raises(EncodeError, match="a null without a response type, so nothing can follow"):
        written(found, trace="x")


def test_the_request_id_is_written_over_all_64_bits() -> None:
    found = read(CALL)
    for request_id in (0, 1, (1 << 64) - 1):
        found.request_id = request_id
        assert written(found) == message(CALL_BODY, request_id=request_id)
    for request_id in (-1, 1 << 64):
        found.request_id = request_id
        with pytest.raises(EncodeError, match="not of 64 bits"):
            written(found)
        with pytest.raises(EncodeError, match="not of 64 bits"):
            answer(found, Error(ErrorType.UNSPECIFIED, "no"))


def test_what_is_no_message_cannot_be_encoded() -> None:
    found = read(CALL)
    found.origin_message = CALL[:15]
    assert not CODEC.can_mutate(found)
    with pytest.raises(EncodeError, match="its origin is no message"):
        written(found)


@pytest.mark.parametrize(
    ("data", "side", "sentence"),
    [
        (HEARTBEAT, REQUEST, "an event has no attachments"),
        (
            message(b'"2.0.2"\n"a"\n"1"\n"b"\n""\n{}\n', flags=0xC6),
            REQUEST,
            "written in fastjson, and changed in hessian2",
        ),
        (reply(b"\x02no", status=70), RESPONSE, "a reply of status 70 has no attachments"),
    ],
)
def test_a_message_without_a_place_for_attachments_refuses_them(data: bytes, side: MessageType, sentence: str) -> None:
    found = read(data, side)
    assert not CODEC.can_mutate(found)
    with pytest.raises(EncodeError, match=sentence):
        written(found, trace="x")


@pytest.mark.parametrize(("version", "can"), [("2.0.2", True), ("2.5.3", False), ("5.3.0", True)])
def test_a_reply_gets_attachments_only_where_its_client_reads_them(version: str, can: bool) -> None:
    found = read(reply(b"\x91\x91"), RESPONSE)
    found.request = read(message(CALL_BODY.replace(b"2.0.2", version.encode())))
    assert CODEC.can_mutate(found) is can
    if can:
        assert read(written(found, trace="x"), RESPONSE)["trace"] == "x"
    else:
        with pytest.raises(EncodeError, match=r"its client's Dubbo version is '2\.5\.3', which reads no attachments"):
            written(found, trace="x")
    with_some = read(reply(b"\x94\x91HZ"), RESPONSE)
    with_some.request = found.request
    assert CODEC.can_mutate(with_some)


def test_a_timeout_is_told_in_seconds() -> None:
    codec = DubboCodec(deadlines=True)

    def deadline(text: str) -> float | None:
        return codec.deadline(read(message(FRONT + b"\0H\x07timeout" + write_string(text) + b"Z")))

    assert deadline("1500") == 1.5
    assert [deadline(text) for text in ("0", "-1", "", "soon", "٣", "9" * 16)] == [None] * 6
    assert codec.deadline(read(CALL)) is None
    assert codec.deadline(read(HEARTBEAT)) is None
    assert codec.deadline(read(reply(b"\x95H\x07timeout\x011Z"), RESPONSE)) is None
    assert codec.deadline(read(message(b"?", flags=0xC8))) is None
    with pytest.raises(DecodeError):
        codec.deadline(read(message(FRONT + b"\x01IE")))


def test_no_request_is_walked_for_a_timeout_that_was_not_asked_for() -> None:
    found = read(message(FRONT + b"\0H\x07timeout\x015Z"))
    assert CODEC.deadline(found) is None
    assert found.is_deferred


def test_a_connection_is_recognised_by_three_bytes() -> None:
    assert [CODEC.match(CALL[:size]) for size in range(4)] == [None, None, None, True]
    assert CODEC.match(HEARTBEAT) is True
    assert CODEC.match(reply(b"\x92")) is False
    assert [CODEC.match(prefix) for prefix in (b"\xdb", b"\xda\xbc", b"GET /")] == [False] * 3


def test_what_is_incomplete_is_waited_for_by_its_length() -> None:
    buffer, found = Buffer(CALL[:10]), Metadata(REQUEST)
    assert CODEC.decode(buffer, found) is DecodeStatus.WAIT_FOR_DATA
    assert buffer.needed == 16
    buffer.append(CALL[10:20])
    assert CODEC.decode(buffer, found) is DecodeStatus.WAIT_FOR_DATA
    assert buffer.needed == len(CALL)
    assert dict(found) == {}


def test_a_limit_below_the_header_refuses_every_message() -> None:
    for size in range(1, len(HEARTBEAT)):
        with pytest.raises(MessageTooLarge):
            listen(HEARTBEAT, REQUEST, 1, DubboCodec(max_message_size=size))


def test_a_large_call_is_neither_copied_nor_walked_by_decode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hessian, "begin", None)
    monkeypatch.setattr(Hessian, "to_attachments", None)
    data = message(FRONT + b"\x01I" + b"B\xff\xff" + bytes(65535) + b"HZ")
    assert read(data).origin_message is data
