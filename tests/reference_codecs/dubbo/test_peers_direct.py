"""The codec and dubbo-remoting without a connection: what it writes is decoded, and what is encoded it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk import Buffer, Error, ErrorType, MessageType
from reference_codecs.dubbo.frame import HEADER_SIZE
from reference_codecs.dubbo.hessian2 import Date, List, Long, Map, Object, Reader, Value, Writer
from reference_codecs.dubbo.replies import STATUSES
from tests.reference_codecs.dubbo.helpers import CODEC, REQUEST, RESPONSE, answer, beat, listen, read, reply, written
from tests.reference_codecs.dubbo.library import Library, library
from tests.reference_codecs.dubbo.peering import needs_node

pytestmark = needs_node


@pytest.fixture(scope="module")
def remoting() -> Iterator[Library]:
    with library() as running:
        yield running


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.builds(
    str.__mul__, st.characters(exclude_categories=["Cs"]), st.sampled_from([31, 32, 1023, 1024, 33000])
)
keys = st.from_regex(r"[a-gX-Zß][a-gX-Z_.0-9ß-]{0,11}", fullmatch=True)
attachments = st.dictionaries(keys, texts, max_size=5).filter(
    lambda each: len({key.lower() for key in each}) == len(each)
)
steps = st.integers(1, 400)
"""Bytes of the pieces a message comes in."""
floats = st.floats(allow_nan=False, allow_infinity=False).filter(lambda each: not each.is_integer())
"""JavaScript has one kind of number, and its library writes whole ones as integers."""
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 53) + 1, (1 << 53) - 1)
    | floats
    | texts
    | st.binary(max_size=300).map(lambda each: {"bytes": each.hex()})
    | st.integers(0, 1 << 42).map(lambda each: {"date": each})
)


def maps(each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """In the order that the library writes them."""
    return st.dictionaries(keys, each, max_size=6).map(lambda fields: dict(sorted(fields.items())))


values = st.recursive(
    leaves,
    lambda each: (
        st.lists(each, max_size=6)
        | maps(each).map(lambda fields: {"map": fields})
        | maps(each).map(lambda fields: {"object": [f"com.demo.{'$'.join(fields)}", fields]})
    ),
    max_leaves=12,
)
"""As ``messages.js`` has them. A class has always the same fields."""


def ours(value: Any) -> Value:
    """The same, as the reader has it."""
    if isinstance(value, list):
        return List([ours(each) for each in value])
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 31) <= value < 1 << 31:
        return Long(value)
    if not isinstance(value, dict):
        return value  # type: ignore[no-any-return]
    ((kind, said),) = value.items()
    if kind == "bytes":
        return bytes.fromhex(said)
    if kind == "date":
        return Date(said)
    if kind == "map":
        return Map([(key, ours(each)) for key, each in said.items()])
    return Object(said[0], tuple(said[1]), [ours(each) for each in said[1].values()])


STANDING = {"dubbo": "2.0.2", "path": "com.demo.Shop", "version": "1.0.0"}


def arguments_of(message: bytes, number: int) -> list[Value]:
    """A call's arguments and its attachments, read one by one."""
    reader = Reader(message, HEADER_SIZE)
    for _ in range(5):
        reader.read()
    found = [reader.read() for _ in range(number + 1)]
    assert reader.is_at_end
    return found


@given(st.lists(values, max_size=4), attachments, steps)
def test_a_request_it_writes_says_what_it_said(
    remoting: Library, args: list[Any], strings: dict[str, str], step: int
) -> None:
    data = remoting.request(args, strings)
    (metadata,) = listen(data, REQUEST, step)
    assert (metadata.message_type, metadata.request_id) == (REQUEST, 5)
    assert {key: metadata[key] for key in ("interface", "version", "method", "dubbo", *strings)} == {
        "interface": "com.demo.Shop",
        "version": "1.0.0",
        "method": "buy",
        "dubbo": "2.0.2",
        **strings,
    }
    assert metadata.origin_message == written(metadata) == data
    *found, tail = arguments_of(data, len(args))
    assert found == [ours(each) for each in args]
    assert isinstance(tail, Map)
    assert dict(tail.entries) == STANDING | strings


@given(st.lists(values, max_size=4), attachments, attachments)
def test_it_sees_what_was_set_replaced_and_removed_in_a_request_and_all_else_as_before(
    remoting: Library, args: list[Any], before: dict[str, str], changes: dict[str, str]
) -> None:
    data = remoting.request(args, before)
    mutation, expected = mutated(before, changes)
    metadata = read(data)
    metadata.request_id = (1 << 53) - 1
    (was,), (found,) = remoting.read(data), remoting.read(written(metadata, **mutation))
    assert found["requestProps"]["map"] == STANDING | expected
    assert found == was | {"id": (1 << 53) - 1, "requestProps": found["requestProps"]}


def mutated(before: dict[str, str], changes: dict[str, str]) -> tuple[dict[str, str | None], dict[str, str]]:
    """A mutation that removes every other of ``before`` and sets ``changes`` in other case; and what is then there."""
    spelling = {key.lower(): key for key in before}
    mutation: dict[str, str | None] = dict.fromkeys(list(before)[::2])
    expected = {key: value for key, value in before.items() if key not in mutation}
    for key, value in changes.items():
        mutation.pop(spelling.get(key.lower(), key), None)
        mutation[key] = value
        expected[spelling.get(key.lower(), key)] = value
    return mutation, expected


@given(values.filter(bool), steps)
def test_a_value_it_answers_is_told(remoting: Library, value: Any, step: int) -> None:
    (metadata,) = listen(remoting.reply(value=value), RESPONSE, step)
    assert (metadata.message_type, metadata["response_type"]) == (MessageType.RESPONSE, "value")
    reader = Reader(metadata.origin_message, HEADER_SIZE)
    assert [reader.read(), reader.read()] == [1, ours(value)]


def test_a_null_it_answers_is_told_though_it_writes_no_type(remoting: Library) -> None:
    data = remoting.reply(value=None)
    assert data[HEADER_SIZE:] == b"N"
    metadata = read(data, RESPONSE)
    assert metadata["response_type"] == "null"
    assert written(metadata) == data
    assert remoting.read(data) == [{"kind": "broken"}], "and so it cannot read its own"


@given(texts.filter(bool))
def test_an_error_it_answers_is_told(remoting: Library, text: str) -> None:
    metadata = read(remoting.reply(error=text), RESPONSE)
    assert (metadata.message_type, metadata["status"]) == (MessageType.ERROR, "80")
    assert Reader(metadata.origin_message, HEADER_SIZE).read() == text


@given(st.sampled_from(["value", "null", "exception"]), values, attachments, attachments)
def test_it_sees_what_was_set_replaced_and_removed_in_a_reply_and_the_value_as_before(
    remoting: Library, kind: str, value: Any, before: dict[str, str], changes: dict[str, str]
) -> None:
    number = ("exception", "value", "null").index(kind) + 3 * bool(before)
    writer = Writer()
    writer.write(number)
    if kind == "value":
        writer.write(ours(value))
    elif kind == "exception":
        writer.write(Object("java.lang.Exception", ("detailMessage",), ["no mug"]))
    if before:
        writer.write(Map(list(before.items())))
    metadata = read(reply(bytes(writer)), RESPONSE)
    metadata.request = read(remoting.request())
    (was,) = remoting.read(metadata.origin_message)
    mutation, expected = mutated(before, changes)
    (found,) = remoting.read(written(metadata, **mutation))
    props = found.pop("responseProps")
    assert (props or {"map": {}})["map"] == expected
    assert found == {key: each for key, each in was.items() if key != "responseProps"}
    assert found["error"] == ({"error": "no mug"} if kind == "exception" else None)


@pytest.mark.parametrize("kind", ErrorType)
@given(texts.filter(str.strip))
def test_an_error_of_the_proxy_is_what_it_shows_as_the_message(remoting: Library, kind: ErrorType, text: str) -> None:
    error = Error(kind, text)
    data = answer(read(remoting.request(["mug"])), error)
    assert data[3] == STATUSES[kind]
    assert remoting.read(data) == [
        {"kind": "response", "id": 5, "appResponse": None, "error": {"error": error.message}}
    ]


def test_heartbeats_are_the_same_and_each_understands_the_others(remoting: Library) -> None:
    buffer = Buffer()
    assert CODEC.heartbeat(77, buffer)
    data = bytes(buffer)
    assert remoting.heartbeat(77) == data
    assert read(data).message_type is MessageType.HEARTBEAT
    assert remoting.read(data) == [{"kind": "heartbeat", "id": 77}]
    assert remoting.read(beat(read(data))) == [{"kind": "heartbeat_ack", "id": 77}]


def test_a_request_without_the_two_way_flag_is_a_oneway_and_is_told_of_no_error(remoting: Library) -> None:
    metadata = read(remoting.request(["mug"], {"tenant": "gold"}, is_two_way=False))
    assert metadata.message_type is MessageType.ONEWAY
    assert metadata["tenant"] == "gold"
    assert answer(metadata, Error(ErrorType.UNSPECIFIED, "no")) == b""
