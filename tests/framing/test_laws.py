"""Laws of every declared codec, for every kind of frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MessageTooLarge
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.framing.messages import KINDS, described, encoded, messages, mutations, outcome

Law = Callable[..., None]

DONE, WAIT = DecodeStatus.DONE, DecodeStatus.WAIT_FOR_DATA


def law(*without: str, examples: int = 12) -> Callable[[Law], Law]:
    """A test that draws messages of each kind of frame but those in ``without``."""

    def decorate(test: Law) -> Law:
        drawn = settings(max_examples=examples)(given(st.data())(test))
        each: Law = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in without])(drawn)
        return each

    return decorate


@law(examples=25)
def test_what_is_built_is_what_is_decoded(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    metadata = message.decoded()
    assert metadata.origin_message == message.data
    assert {key.lower(): value for key, value in metadata.items()} == message.seen
    assert metadata.request_id == (message.request_id or 0)
    assert metadata.body_size == len(message.body)
    assert metadata.header_size + metadata.body_size == len(message.data)
    assert message.codec().body(metadata) == message.body
    header = message.frame.header(message.data)
    assert {name: getattr(header, name) for name in message.fields} == message.fields


@law()
def test_a_keys_spelling_is_the_messages_first(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    spelled = {key.lower(): key for key, _ in reversed(message.pairs)} | {key.lower(): key for key in message.strings}
    assert set(message.decoded()) == set(spelled.values())


@law()
def test_every_split_gives_the_same_messages(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, stream = message.codec(), message.data * 2
    whole = outcome(codec, [stream], message.side)
    assert whole[1:] == ("done", 0)
    assert len(whole[0]) == 2
    for cut in range(1, len(stream)):
        assert outcome(codec, [stream[:cut], stream[cut:]], message.side) == whole
    assert outcome(codec, [bytes([byte]) for byte in stream], message.side) == whole


@law()
def test_every_split_of_a_corrupted_stream_ends_the_same(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    stream = bytearray(message.data * 2)
    for _ in range(data.draw(st.integers(1, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    codec = message.codec(limit=2 * len(stream))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    chunks = [bytes(stream[start:end]) for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = outcome(codec, [bytes(stream)], message.side)
    assert outcome(codec, chunks, message.side) == whole
    assert outcome(codec, [bytes([byte]) for byte in stream], message.side) == whole


@law()
def test_what_follows_a_message_stays(kind: str, data: st.DataObject) -> None:
    message, following = data.draw(messages(kind)), data.draw(st.binary(max_size=5))
    buffer = Buffer(message.data + following)
    metadata = Metadata(message.side)
    assert message.codec().decode(buffer, metadata) is DONE
    assert bytes(buffer) == following
    assert metadata.origin_message == message.data


@law()
def test_a_strict_prefix_waits_and_touches_nothing(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, whole = message.codec(), message.data
    for cut in range(len(whole)):
        buffer, metadata = Buffer(whole[:cut]), Metadata(message.side)
        before = described(metadata)
        assert codec.decode(buffer, metadata) is WAIT
        assert bytes(buffer) == whole[:cut]
        assert described(metadata) == before
        assert cut < buffer.needed <= len(whole)


@law()
def test_hint_and_needed_change_no_answer(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, whole = message.codec(), message.data
    kept = Buffer()
    for cut, byte in enumerate(whole, 1):
        kept.append(bytes([byte]))
        fresh = Buffer(whole[:cut])
        first, second = Metadata(message.side), Metadata(message.side)
        assert codec.decode(kept, first) is codec.decode(fresh, second)
        assert described(first) == described(second)
        assert bytes(kept) == bytes(fresh)


@law()
def test_a_limit_one_below_a_message_refuses_it_by_the_end_of_its_header(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    whole = message.data
    assume(len(whole) > 1)
    codec = message.codec(limit=len(whole) - 1)
    with pytest.raises(MessageTooLarge):
        codec.decode(Buffer(whole), Metadata(message.side))
    metadata = message.decoded()
    header = len(whole) - 1 if kind in ("delimited", "crlf") else metadata.header_size
    with pytest.raises(MessageTooLarge):
        codec.decode(Buffer(whole[:header]), Metadata(message.side))
    assert message.codec(limit=len(whole)).decode(Buffer(whole), Metadata(message.side)) is DONE


@law(examples=35)
def test_arbitrary_bytes_are_done_wait_or_decode_error(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    limit = data.draw(st.integers(1, 60))
    codec = message.codec(limit=limit)
    raw = data.draw(st.binary(max_size=80))
    buffer, metadata = Buffer(raw), Metadata(message.side)
    try:
        status = codec.decode(buffer, metadata)
    except DecodeError as error:
        refused = error
        status = None
    if status is None:
        assert str(refused).startswith("malformed message")
        assert refused.offset is None or 0 <= refused.offset <= len(raw)
    elif status is WAIT:
        assert bytes(buffer) == raw
        assert len(raw) < limit
        assert len(raw) < buffer.needed <= limit
    else:
        assert status is DONE
        assert raw == metadata.origin_message + bytes(buffer)
        assert 0 < len(metadata.origin_message) <= limit
        assert metadata.message_size == len(metadata.origin_message)


@law(examples=25)
def test_a_corrupted_message_is_done_wait_or_decode_error_and_if_done_can_be_read_again(
    kind: str, data: st.DataObject
) -> None:
    message = data.draw(messages(kind))
    raw = bytearray(message.data)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF, 0x20, 0x0A]))
    codec = message.codec()
    metadata = Metadata(message.side)
    try:
        if codec.decode(Buffer(bytes(raw)), metadata) is not DONE:
            return
    except DecodeError:
        return
    assert encoded(codec, metadata) == metadata.origin_message
    assert len(codec.body(metadata)) == metadata.body_size
    assert message.frame.header(metadata.origin_message) is not None


@law()
def test_with_nothing_changed_the_very_origin_is_written(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    metadata = message.decoded()
    assert message.frame.encode(metadata, Mutation()) is metadata.origin_message
    assert encoded(message.codec(), metadata) == message.data


@law(examples=20)
def test_another_id_is_all_that_changes(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, metadata = message.codec(), message.decoded()
    ids = message.frame.request_ids
    if not ids:
        assert message.request_id is None
        return
    last = ids[-1]
    metadata.request_id = data.draw(st.sampled_from([ids[0], last]) | st.sampled_from([ids[1], ids[1 << 12]]))
    written = encoded(codec, metadata)
    again = message.decoded(written)
    assert again.request_id == metadata.request_id
    assert written == message.built(message.pairs, request_id=metadata.request_id)
    metadata.request_id = last + ids.step
    with pytest.raises(EncodeError):
        encoded(codec, metadata)
    metadata.request_id = last + ids.step
    with pytest.raises(EncodeError):
        encoded(codec, metadata, Mutation({"fresh": "1"}))


@law("hatch", examples=35)
def test_a_mutation_does_what_the_model_says(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, metadata = message.codec(), message.decoded()
    mutation = data.draw(mutations(message))
    if not mutation:
        return
    assert codec.can_mutate(metadata) is message.frame.carries_headers
    if not codec.can_mutate(metadata):
        with pytest.raises(EncodeError, match="carries no string headers"):
            encoded(codec, metadata, mutation)
        return
    assert encoded(codec, metadata, mutation) == message.built(mutation.apply(message.pairs))


@law("hatch", "fixed", "bare varint")
def test_a_mutation_that_is_undone_gives_the_origin(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, metadata = message.codec(), message.decoded()
    assume(codec.can_mutate(metadata))
    key = data.draw(st.sampled_from(["fresh", "Fresh-2", "x-request-id"]))
    assume(key.lower() not in metadata.folded)
    changed = message.decoded(encoded(codec, metadata, Mutation({key: data.draw(st.sampled_from(["1", "é" * 40]))})))
    assert encoded(codec, changed, Mutation({key.upper(): None})) == message.data


@law("hatch", "fixed", "bare varint", "delimited", "crlf")
def test_a_string_of_the_header_is_written_into_its_field(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, metadata = message.codec(), message.decoded()
    assume("cmd" in message.strings)
    number = data.draw(st.integers(-(1 << 15), (1 << 15) - 1))
    mutation = Mutation({"CMD": str(number)})
    assert encoded(codec, metadata, mutation) == message.built(message.pairs, cmd=number)
    for text in (str(1 << 15), "one", "", None):
        with pytest.raises(EncodeError) as caught:
            encoded(codec, metadata, Mutation({"cmd": text}))
        assert caught.value.key == "cmd"


@law("hatch", "fixed", "bare varint", examples=20)
def test_a_message_that_would_be_over_the_limit_is_an_encode_error(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    metadata = message.decoded()
    assume(message.frame.carries_headers)
    changed = len(message.built(Mutation({"fresh": "value"}).apply(message.pairs)))
    assert len(encoded(message.codec(limit=changed), metadata, Mutation({"fresh": "value"}))) == changed
    with pytest.raises(EncodeError, match=f"it would have {changed} bytes, over the limit of {changed - 1}"):
        encoded(message.codec(limit=changed - 1), metadata, Mutation({"fresh": "value"}))


@law(examples=20)
def test_fields_name_every_byte_of_anything(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    codec, whole = message.codec(), message.data
    corrupted = bytearray(whole)
    corrupted[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    streams = [whole + whole, bytes(corrupted), data.draw(st.binary(max_size=30)), whole + b"\0"]
    for raw in (*(whole[:cut] for cut in range(len(whole) + 1)), *streams):
        at = 0
        for each in codec.fields(raw):
            assert each.start == at
            assert each.end >= at
            at = each.end
        assert at == len(raw)


@law("frames")
def test_the_fields_of_a_whole_message_have_no_problem_and_its_values(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    whole = message.data
    fields = list(message.codec().fields(whole + whole))
    assert not any(each.problem for each in fields)
    # Without a length in the frame nobody but the codec's frame_length() knows where the next message begins.
    assert fields[-1].name == ("body" if message.hatch else "next message")
    named = {each.name: each.value for each in fields}
    assert {name: named[name] for name in message.fields} == message.fields


@law("frames", "fixed", examples=20)
def test_a_reply_has_the_requests_id_and_fields_and_none_of_its_headers(kind: str, data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    metadata = message.decoded()
    if message.hatch:
        return
    reply = message.decoded(message.frame.reply(metadata, b"sorry"))
    assert message.codec().body(reply) == b"sorry"
    assert reply.request_id == metadata.request_id
    assert reply.folded == {key.lower(): value for key, value in message.strings.items()}
    header = message.frame.header(reply.origin_message)
    assert {name: getattr(header, name) for name in message.fields} == message.fields
