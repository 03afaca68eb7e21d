"""What the codec writes by itself, by bytes, and beside what Envoy and Dubbo write."""

from __future__ import annotations

import pytest

from metaprotocol_sdk import Buffer, Error, ErrorType, MessageType
from reference_codecs.dubbo.frame import STATUS_NAMES
from reference_codecs.dubbo.replies import STATUSES
from tests.reference_codecs.dubbo.helpers import (
    CALL,
    CALL_BODY,
    CODEC,
    HEARTBEAT,
    RESPONSE,
    answer,
    beat,
    message,
    read,
    reply,
    vectors,
)

NO = Error(ErrorType.ROUTE_NOT_FOUND, "größe 😀")


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (ErrorType.ROUTE_NOT_FOUND, 60),
        (ErrorType.CLUSTER_NOT_FOUND, 80),
        (ErrorType.NO_HEALTHY_UPSTREAM, 80),
        (ErrorType.BAD_RESPONSE, 50),
        (ErrorType.UNSPECIFIED, 80),
        (ErrorType.OVER_LIMIT, 100),
    ],
)
def test_each_error_has_its_status_and_its_sentence_as_a_string(kind: ErrorType, status: int) -> None:
    assert answer(read(CALL), Error(kind, "no")) == reply(b"\x02no", status=status)


def test_every_status_is_one_that_dubbos_clients_know() -> None:
    assert set(STATUSES) == set(ErrorType)
    assert set(STATUSES.values()) < set(STATUS_NAMES)


def test_a_oneway_is_never_answered() -> None:
    assert answer(read(message(CALL_BODY, flags=0x82)), NO) == b""


JAVA_TEXT = b"gr\xc3\xb6\xc3\x9fe \xed\xa0\xbd\xed\xb8\x80"
"""What NO says, as Java writes UTF-8: a character beyond the basic plane is two surrogates."""
BODIES = {
    2: b"\x08" + JAVA_TEXT,
    3: b"\xac\xed\0\x05\x77\x14\0\0\0\x08\0\x0e" + JAVA_TEXT,
    6: b'"gr\xc3\xb6\xc3\x9fe \xf0\x9f\x98\x80"\n',
    7: b"\xac\xed\0\x05\x77\x10\0\x0e" + JAVA_TEXT,
    23: b"\0\0\0\x12\x7a\x48\0\0\0\x0cgr\xc3\xb6\xc3\x9fe \xf0\x9f\x98\x80",
}
CALLS = {
    2: CALL_BODY,
    3: b"\xac\xed\0\x05\x77\x33"
    b"\0\0\0\x05\0\x052.0.2\0\0\0\x08\0\x08com.Shop\0\0\0\x05\0\x051.0.0\0\0\0\x03\0\x03buy\0\0\0\0\0\0",
    6: b'"2.0.2"\n"com.Shop"\n"1.0.0"\n"buy"\n""\n{}\n',
    7: b"\xac\xed\0\x05\x77\x1f\0\x052.0.2\0\x08com.Shop\0\x051.0.0\0\x03buy\0\0",
    23: b"\0\0\0\x06\x4e2.0.2\0\0\0\x09\x51com.Shop\0\0\0\x06\x4e1.0.0\0\0\0\x04\x4cbuy\0\0\0\x01\x49",
}


@pytest.mark.parametrize("number", BODIES)
def test_an_error_is_told_in_the_serialization_of_its_request(number: int) -> None:
    written = answer(read(message(CALLS[number], flags=0xC0 | number)), NO)
    assert written == reply(BODIES[number], flags=number, status=60)


def test_an_error_is_told_in_hessian2_where_the_requests_serialization_is_not_written() -> None:
    assert answer(read(message(b"?", flags=0xC8)), NO) == reply(BODIES[2], flags=2, status=60)


@pytest.mark.parametrize(
    ("number", "body"),
    [(2, b"N"), (3, b"\xac\xed\0\x05\x77\x01\0"), (6, b"null\n"), (7, b"\xac\xed\0\x05\x70"), (8, b"\0")],
)
def test_a_heartbeat_is_answered_in_its_serialization_with_its_id(number: int, body: bytes) -> None:
    found = read(message(body, flags=0xE0 | number, request_id=1 << 63))
    assert found.message_type is MessageType.HEARTBEAT
    assert beat(found) == reply(body, flags=0x20 | number, request_id=1 << 63)


def test_an_answer_to_a_heartbeat_and_a_oneway_one_are_not_answered() -> None:
    for data, side in ((reply(b"N", flags=0x22), RESPONSE), (message(b"N", flags=0xA2), MessageType.REQUEST)):
        found = read(data, side)
        assert found.message_type is MessageType.HEARTBEAT
        assert beat(found) == b""


def test_an_answer_of_apache_dubbo_js_with_a_twoway_bit_and_no_status_ends_too() -> None:
    found = read(reply(b"N", flags=0x62, status=0, request_id=0), RESPONSE)
    assert (found.message_type, beat(found)) == (MessageType.HEARTBEAT, b"")


def test_a_server_may_ask_for_a_heartbeat() -> None:
    assert beat(read(HEARTBEAT, RESPONSE)) == reply(b"N", flags=0x22)


def test_a_heartbeat_of_ones_own_is_dubbos() -> None:
    buffer = Buffer()
    assert CODEC.heartbeat(7, buffer)
    assert bytes(buffer) == HEARTBEAT


ENVOY = [row for row in vectors("envoy_dubbo.jsonl") if row["reply"]]


@pytest.mark.skipif(not ENVOY, reason="what Envoy answers is not beside the checkout")
def test_an_error_has_the_status_that_envoys_dubbo_proxy_gives_it() -> None:
    kinds = {
        "no_route": ErrorType.ROUTE_NOT_FOUND,
        "no_healthy": ErrorType.NO_HEALTHY_UPSTREAM,
        "connect_refused": ErrorType.UNSPECIFIED,
    }
    compared = 0
    for row in ENVOY:
        kind = next((kind for name, kind in kinds.items() if name in row["name"]), None)
        if kind is None or not row["name"].startswith("dubbo_proxy") or "oneway" in row["name"]:
            continue
        ours = read(answer(read(bytes.fromhex(row["request_hex"])), Error(kind, "no")), RESPONSE)
        assert (int(ours["status"]), ours.request_id) == (row["reply"]["status"], row["reply"]["request_id"])
        compared += 1
    assert compared == 4


@pytest.mark.skipif(not ENVOY, reason="what Envoy answers is not beside the checkout")
def test_a_heartbeat_is_answered_with_envoys_bytes() -> None:
    rows = [row for row in ENVOY if row["name"].endswith("proxy_heartbeat")]
    assert len(rows) == 2
    for row in rows:
        assert beat(read(bytes.fromhex(row["request_hex"]))).hex() == row["reply_hex"]


@pytest.mark.skipif(not vectors("dubbo.jsonl"), reason="what Dubbo for Java writes is not beside the checkout")
def test_an_error_body_is_javas_own() -> None:
    rows = [row for row in vectors("dubbo.jsonl") if row.get("error_message") and "java" in row["encoder"]]
    assert len(rows) > 9
    for row in rows:
        theirs = bytes.fromhex(row["hex"])
        if len(row["error_message"]) >= 1024:  # which Error cuts
            continue
        request = read(message(CALL_BODY, request_id=row["request_id"]))
        assert answer(request, Error(ErrorType.UNSPECIFIED, row["error_message"]))[16:] == theirs[16:]
