from __future__ import annotations

import pytest

from metaprotocol_sdk import DecodeError, MessageType, Metadata
from reference_codecs.dubbo.description import check_magic, describe, describe_error, describe_reply
from reference_codecs.dubbo.hessian import Hessian
from reference_codecs.dubbo.hessian2 import LIMITS
from reference_codecs.dubbo.serialization import Call, Opaque
from tests.reference_codecs.dubbo.helpers import CALL, CALL_BODY, FRONT, message, read, reply

HESSIAN = Hessian("hessian2", LIMITS)


def described(data: bytes) -> Metadata:
    found = Metadata()
    describe(found, data, HESSIAN, lambda metadata: metadata.folded.update(loaded="yes"))
    return found


def test_a_request_is_described_as_the_quick_way_does() -> None:
    slow, quick = described(CALL), read(CALL)
    assert slow.folded == quick.folded
    assert (slow.message_type, slow.operation_name) == (quick.message_type, quick.operation_name)
    assert slow["loaded"] == "yes"


@pytest.mark.parametrize("body", [b"\x90N", b"\x91N", b"\x92", b"\x93NHZ", b"\x94NHZ", b"\x95HZ"])
def test_a_reply_is_described_as_the_quick_way_does(body: bytes) -> None:
    slow, quick = described(reply(body)), read(reply(body), MessageType.RESPONSE)
    assert slow.folded == quick.folded
    assert slow.is_deferred is quick.is_deferred is (body[0] >= 0x93)


def test_strings_in_long_forms_are_read_too() -> None:
    body = CALL_BODY.replace(b"\x08com.Shop\x051", b"S\0\x08com.Shop\x051").replace(b"\x03buy", b"R\0\x01bS\0\x02uy")
    assert dict(read(message(body))) == dict(read(CALL))


def test_what_stands_before_the_parameter_types_of_dubbox_is_passed() -> None:
    body = CALL_BODY.replace(b"\x13Ljava", b"\x8f\x13Ljava")
    assert dict(read(message(body))) == dict(read(CALL))


def test_dubbox_may_count_its_arguments_instead_of_naming_them() -> None:
    found = read(message(CALL_BODY.replace(b"\x13Ljava/lang/String;I", b"\x92")))
    assert found["trace"] == "abc"
    assert "parameter_types" not in found


def test_a_name_in_other_letters_is_read() -> None:
    found = read(message(CALL_BODY.replace(b"\x08com.Shop\x051", b"\x05gr\xc3\xb6\xc3\x9fe\x051")))
    assert found["interface"] == "größe"


@pytest.mark.parametrize("name", ["interface", "method"])
def test_a_name_is_no_longer_than_javas(name: str) -> None:
    long = b"S\xff\xff" + b"x" * 65535
    put = {"interface": b"\x08com.Shop", "method": b"\x03buy"}[name]
    assert len(described(message(FRONT.replace(put, long) + b"\0"))[name]) == 65535
    with pytest.raises(DecodeError, match=f"in {name}: it has 65536 characters, and at most 65535"):
        described(message(FRONT.replace(put, b"R\0\x01x" + long) + b"\0"))


def test_an_event_that_is_no_string_says_that_it_is_unknown() -> None:
    assert described(message(b"\x91", flags=0xA2))["event"] == "unknown"
    assert "event" not in described(message(b"N", flags=0xA2))


def test_a_response_type_that_cannot_be_told_is_left_out() -> None:
    found = Metadata(MessageType.RESPONSE)
    describe_reply(found, Opaque(8), None, Metadata.load)
    assert found.folded == {"serialization": "kryo", "status": "20", "status_name": "OK"}
    assert not found.is_deferred


def test_an_error_of_an_unknown_status_is_an_error() -> None:
    found = Metadata(MessageType.RESPONSE)
    describe_error(found, HESSIAN, 33)
    assert (found.message_type, found["status_name"]) == (MessageType.ERROR, "UNKNOWN")


def test_the_magic_number_is_checked_as_far_as_it_is_there() -> None:
    for front in (b"", b"\xda", b"\xda\xbb"):
        check_magic(front)
    for front in (b"\xdb", b"\xda\xba"):
        with pytest.raises(DecodeError, match="not dabb"):
            check_magic(front)


@pytest.mark.parametrize("number", [2, 6])
def test_an_event_that_is_longer_than_any_is_refused_unread(number: int) -> None:
    long = b"\x57" + b"N" * 2000 + b"Z" if number == 2 else b'"' + b"R" * 2000 + b'"\n'
    for flags in (0xA0, 0xE0):
        with pytest.raises(DecodeError, match=r"in event: it has 200\d bytes, and at most 1024 are read"):
            read(message(long, flags=flags | number))


@pytest.mark.parametrize("name", ["dubbo", "interface", "version", "method", "parameter_types"])
def test_half_a_pair_of_surrogates_in_a_call_is_no_text(name: str) -> None:
    said = [b"\x03\xed\xa0\xbdab" if each == name else b"\x01x" for each in Call._fields]
    found = described(message(b"".join(said) + b"HZ"))
    assert found[name] == "\ufffdab"
    found.operation_name.encode()
