from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import Field
from tests.reference_codecs.dubbo.helpers import CALL, CODEC, FRONT, HEARTBEAT, message, reply


def fields(data: bytes) -> list[Field]:
    """The fields, which cover the data."""
    found = list(CODEC.fields(data))
    assert [each.start for each in found] == [0, *(each.end for each in found)][:-1] if found else not data
    assert not found or found[-1].end == len(data)
    return found


def said(data: bytes) -> dict[str, object]:
    return {each.name: each.value for each in fields(data)}


def test_a_call_is_named_byte_by_byte() -> None:
    assert said(CALL) == {
        "magic": "dabb",
        "flags": "request, two-way, hessian2",
        "status": 0,
        "request_id": 7,
        "body_length": len(CALL) - 16,
        "dubbo": "2.0.2",
        "interface": "com.Shop",
        "version": "1.0.0",
        "method": "buy",
        "parameter_types": "Ljava/lang/String;I",
        "arguments[0]": "mug",
        "arguments[1]": 2,
        "attachments": "2 entries",
        "attachments[0].key": "path",
        "attachments[0].value": "com.Shop",
        "attachments[1].key": "trace",
        "attachments[1].value": "abc",
        "attachments.end": b"Z",
    }


def test_replies_errors_and_events_are_named() -> None:
    found = said(reply(b"\x93\x02noH\x91NZ"))
    assert (found["status"], found["response_type"], found["exception"]) == ("20 OK", 3, "no")
    assert (found["attachments[0].key"], found["attachments[0].value"]) == (b"\x91", b"N")
    assert said(reply(b"\x91\x02hi"))["value"] == "hi"
    assert said(reply(b"\x02no", status=33))["status"] == "33 UNKNOWN"
    assert said(reply(b"\x02no", status=70))["message"] == "no"
    assert said(HEARTBEAT)["event"] is None
    assert said(message(b"{}", flags=0xC6))["body"] == b"{}"


def test_forms_that_are_seldom_are_named() -> None:
    dubbox = said(message(FRONT + b"\x8f\x01I\x91HZ"))
    assert (dubbox["parameter_count"], dubbox["parameter_types"], dubbox["arguments[0]"]) == (-1, "I", 1)
    assert said(message(FRONT + b"\x92\x91\x92HZ"))["arguments[1]"] == 2
    assert said(message(FRONT + b"\x01IHZQ\x90"))["attachments"] == "a reference to an argument"
    assert said(message(FRONT + b"\0N"))["attachments"] is None
    assert said(message(FRONT + b"\x01?\x91"))["rest"] == b"\x91"
    assert said(message(FRONT + b"\0HZrest"))["rest"] == b"rest"
    assert said(reply(b"\x99\x91"))["rest"] == b"\x91"


def test_a_value_that_is_too_large_to_show_is_bytes() -> None:
    deep = b"\x79" * 40 + b"N"
    found = said(message(FRONT + b"\x02II" + deep + b"\x91HZ"))
    assert (found["arguments[0]"], found["arguments[1]"], found["attachments"]) == (deep, b"\x91", "0 entries")


def test_a_value_that_holds_another_many_times_over_is_shown_once() -> None:
    lists = b"\x7a" * 14 + b"\x78" + b"".join(b"Q%c" % (0x90 + number) for number in range(14, 0, -1))
    found = said(message(FRONT + b"\x01I" + lists + b"HZ"))
    assert len(repr(found["arguments[0]"])) < 10_000


def test_what_is_wrong_is_said_where_it_is() -> None:
    assert fields(b"GET /")[0].problem == "it does not start with dabb"
    assert fields(CALL[:9])[-1].problem == "it ends within the header"
    assert fields(CALL[:30])[-1] == Field(
        "interface", 22, 30, CALL[22:30], "the data ends at byte 30, within the value"
    )
    assert fields(CALL + b"?")[-1].problem == "it is behind the message"
    assert [each.problem for each in fields(CALL[:12] + b"\xff" * 4)][-1] == "it is negative"
    assert fields(message(FRONT + b"\x7f\xff"))[-1].problem


@given(st.sampled_from((CALL, reply(b"\x94H\x01k\x91ZHZ"), HEARTBEAT)), st.integers(0, 90), st.binary(max_size=9))
def test_every_byte_of_anything_has_a_name(data: bytes, at: int, put: bytes) -> None:
    fields(data[:at] + put + data[at + len(put) :])
    fields(data[:at] + put)


def test_a_count_of_parameters_that_no_method_has_names_no_arguments() -> None:
    found = said(message(FRONT + b"I\x7f\xff\xff\xff" + b"N" * 300))
    assert (found["parameter_count"], found["rest"]) == (0x7FFFFFFF, b"N" * 300)
    assert "arguments[0]" in said(message(FRONT + b"\xc8\xff" + b"N" * 256))
