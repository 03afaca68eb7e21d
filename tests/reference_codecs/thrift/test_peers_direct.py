"""The codec between the libraries of real peers, without a connection: what their encoders wrote is decoded, and what
is encoded is read by their decoders, the same values in every form.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaprotocol_sdk import Error, ErrorType, MessageType
from reference_codecs.thrift.codec import ThriftCodec
from reference_codecs.thrift.frame import Kind
from tests.reference_codecs.thrift.helpers import CODEC, answer, listen, read, written
from tests.reference_codecs.thrift.peers.talk import FORMS

pytest.importorskip("thrift", reason="Apache Thrift for Python is not installed")
pytest.importorskip("thriftpy2", reason="thriftpy2 is not installed")

from tests.reference_codecs.thrift.libraries import (
    LIBRARIES,
    SIDES,
    Apache,
    Library,
    Message,
    codec_for,
    decoded,
    is_json,
    rewritten,
)

TARGETS = [f"{kind} {name}" for kind in ("framed", "unframed", "header") for name in ("binary", "compact", "json")]
"""What requests can be written in."""
libraries = st.sampled_from(LIBRARIES)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20)
"""Without control characters, which Apache's JSON writes as they are and thriftpy2's refuses."""
i32s = st.integers(-(1 << 31), (1 << 31) - 1)
seqids = st.integers(0, (1 << 31) - 1)
"""thriftpy2 never ends writing a negative one in the compact protocol."""
_leaves = st.fixed_dictionaries(
    {},
    optional={
        "id": i32s,
        "name": texts,
        "flags": st.lists(st.booleans(), max_size=40),
        "stock": st.dictionaries(texts, st.integers(-(1 << 63), (1 << 63) - 1), max_size=20),
        "sizes": st.lists(i32s, unique=True, max_size=20).map(sorted),
        "picture": st.binary(max_size=300),
        "price": st.floats(allow_nan=False, allow_infinity=False),  # which Apache's JSON writes and cannot read
        "sold": st.booleans(),
        "shelf": st.integers(-(1 << 15), (1 << 15) - 1),
    },
)
items = st.recursive(
    _leaves,
    lambda each: st.tuples(_leaves, st.lists(each, max_size=4)).map(lambda x: x[0] | {"parts": x[1]}),
    max_leaves=6,
)


def of(name: str, kind: Kind, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return st.builds(Message, st.just(name), st.just(int(kind)), seqids, values)


requests = of("echo", Kind.CALL, st.fixed_dictionaries({"item": items})) | of(
    "note", Kind.ONEWAY, st.fixed_dictionaries({"text": texts})
)
replies = (
    of("echo", Kind.REPLY, st.fixed_dictionaries({"success": items}))
    | of("headers", Kind.REPLY, st.fixed_dictionaries({"success": st.dictionaries(texts, texts, max_size=5)}))
    | of("buy", Kind.REPLY, st.fixed_dictionaries({"sold": st.fixed_dictionaries({"why": texts})}))
    | of("fail", Kind.EXCEPTION, texts.filter(bool))
)
steps = st.integers(1, 400)
"""Bytes of the pieces a message comes in."""
keys = st.text("abcdefgXYZ-_.0123456789ß", min_size=1, max_size=12)
headers = st.dictionaries(keys, texts | st.just("x" * 300), max_size=4).filter(
    lambda each: len({key.lower() for key in each}) == len(each)
)


@given(st.data(), libraries, libraries, requests, seqids)
def test_a_request_of_one_library_in_one_form_is_read_by_another_in_another(
    data: st.DataObject, writer: Library, reader: Library, message: Message, seqid: int
) -> None:
    form = data.draw(st.sampled_from(FORMS[writer.name]))
    targets = [each for each in TARGETS if is_json(each) is is_json(form) and each in FORMS[reader.name]]
    target = data.draw(st.sampled_from(targets))
    metadata = decoded(writer, form, message, codec_for(target), data.draw(steps))
    assert (metadata["method"], metadata.request_id) == (message.name, message.seqid)
    assert reader.read(target, rewritten(metadata, target, seqid)) == (replace(message, seqid=seqid), {})


@given(st.data(), libraries, libraries, replies, seqids)
def test_a_reply_of_one_library_in_one_form_is_read_by_the_client_of_another_in_its_own(
    data: st.DataObject, server: Library, client: Library, message: Message, seqid: int
) -> None:
    form = data.draw(st.sampled_from(FORMS[server.name]))
    asked = data.draw(st.sampled_from([each for each in FORMS[client.name] if is_json(each) is is_json(form)]))
    codec = ThriftCodec(upstream_transport="framed")  # what it is written in is the request's form
    call = Message("noted", Kind.CALL, seqid, {"text": "a"})
    metadata = decoded(server, form, message, codec, data.draw(steps))
    metadata.request = decoded(client, asked, call, codec)
    assert metadata.request_id == message.seqid
    assert metadata["result"] == {"buy": "error", "fail": "exception"}.get(message.name, "success")
    metadata.request_id = seqid
    assert client.read(asked, written(metadata, codec)) == (replace(message, seqid=seqid), {})


@given(st.data(), libraries, requests | replies, seqids)
def test_a_message_with_another_id_alone_is_read_in_its_own_form(
    data: st.DataObject, library: Library, message: Message, seqid: int
) -> None:
    form = data.draw(st.sampled_from(FORMS[library.name]))
    metadata = decoded(library, form, message, CODEC)
    metadata.request_id = seqid
    assert library.read(form, written(metadata)) == (replace(message, seqid=seqid), {})


@given(
    st.sampled_from(["header", "zlib"]), st.sampled_from(["binary", "compact"]), requests | replies, headers, headers
)
def test_headers_that_are_set_replaced_and_removed_are_what_a_library_reads(
    transport: str, protocol: str, message: Message, before: dict[str, str], changes: dict[str, str]
) -> None:
    library = Apache()
    form = f"{transport} {protocol}"
    data = library.write(form, message, before)
    metadata = read(data, SIDES[Kind(message.kind)])
    assert {key: metadata[key] for key in before} == before
    removed = dict.fromkeys(list(before)[::2])
    mutation: dict[str, str | None] = {**removed, **{key.swapcase(): each for key, each in changes.items()}}
    mutation = {key: mutation[key] for key in {key.lower(): key for key in mutation}.values()}
    said, found = library.read(form, written(metadata, **mutation))
    expected = {key.lower(): value for key, value in before.items()}
    for key, value in mutation.items():
        expected[key.lower()] = value or ""
        if value is None:
            del expected[key.lower()]
    assert said == message
    assert {key.lower(): value for key, value in found.items()} == expected
    assert set(before) & set(found) == {key for key in before if key.lower() in expected}, "a key kept its spelling"


@given(
    st.data(), libraries, st.builds(Error, st.sampled_from(ErrorType), texts.filter(str.strip)), seqids, st.booleans()
)
def test_an_error_is_read_as_an_application_exception_of_the_call(
    data: st.DataObject, library: Library, error: Error, seqid: int, has_service: bool
) -> None:
    form = data.draw(st.sampled_from(FORMS[library.name]))
    name = "Shop:buy" if has_service else "buy"
    metadata = decoded(library, form, Message(name, Kind.CALL, seqid, {"name": "mug"}), CODEC)
    message, _ = library.read(form, answer(metadata, error))
    assert message == Message("buy", Kind.EXCEPTION, seqid, error.message)


@given(st.data(), st.lists(st.tuples(libraries, requests), min_size=1, max_size=6), steps)
@settings(max_examples=30)
def test_libraries_taking_turns_on_one_connection_are_told_apart_message_by_message(
    data: st.DataObject, turns: list[tuple[Library, Message]], step: int
) -> None:
    forms = [data.draw(st.sampled_from(FORMS[library.name])) for library, _ in turns]
    stream = b"".join(library.write(form, each, {}) for form, (library, each) in zip(forms, turns, strict=True))
    found = listen(stream, MessageType.REQUEST, step)
    assert [each.request_id for each in found] == [each.seqid for _, each in turns]
    for form, (library, each), metadata in zip(forms, turns, found, strict=True):
        assert library.read(form, metadata.origin_message) == (each, {})
