from __future__ import annotations

import pytest

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance import CHECKS, Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from tests.conformance import broken_codecs as broken
from tests.conformance.right_codecs import JsonCodec, MailCodec, Pairs, RememberingCodec, mail
from tests.helpers import TinyCodec, tiny

REQUEST, RESPONSE = MessageType.REQUEST, MessageType.RESPONSE
HELLO = mail(REQUEST, request_id=7, headers=[("a", "b"), ("A", "c")], body=b"hello")


def case(wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, **parts)  # type: ignore[arg-type]


TEXTS = [
    (
        "passes_through_unchanged",
        broken.WritesNothing,
        case(),
        "wrote 0 bytes .* message's 25: they differ from byte 0 on$",
    ),
    ("passes_through_unchanged", broken.WritesItsStringsAnew, case(), "differ from byte 7 on$"),
    ("passes_through_unchanged", broken.WritesOnlyOnce, case(), "when asked the second time as a retry does"),
    ("carries_the_request_id", broken.KeepsTheOldId, case(request_id=9), "given the id 9 and wrote .* the id 7$"),
    ("carries_the_request_id", broken.WritesTheIdAsSigned, case(request_id=1 << 31), "encode raised error"),
    ("carries_the_request_id", broken.RefusesTheLastId, case(request_id=(1 << 32) - 1), "refuses the id 4294967295"),
    (
        "carries_the_request_id",
        broken.WritesTheIdOverTheBody,
        case(request_id=1 << 24),
        "id 16777216 instead of 7 the body",
    ),
    ("carries_the_request_id", broken.WritesNothing, case(request_id=1), r"wrote  \(0 bytes\), which does not decode"),
    ("mutation_is_applied", broken.IgnoresTheMutation, case(mutation=Mutation(a="x")), "string 'a' is 'c', not 'x'"),
    ("mutation_is_applied", broken.IgnoresRemovals, case(mutation=Mutation(a=None)), "string 'a' is 'c', not None"),
    ("mutation_is_applied", broken.WritesBeforeItRefuses, case(mutation=Mutation({"a": "\n"})), "had written 1 bytes"),
    (
        "mutation_is_applied",
        broken.LetsTheLengthOverflow,
        case(mutation=Mutation(a="x" * 70_000)),
        "encode raised error",
    ),
    ("mutation_is_applied", broken.PromisesHeadersItRefuses, case(mutation=Mutation(z="x")), "carries any header, and"),
    (
        "mutation_is_applied",
        broken.ForgetsTheLengthOfTheHeaders,
        case(mutation=Mutation(z="x")),
        "not decode as one mess",
    ),
]


@pytest.mark.parametrize(("law", "codec", "tried", "text"), TEXTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_failure_says_what_was_asked_and_what_was_written(
    law: str, codec: type[Codec], tried: Case, text: str
) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


def test_a_change_that_vanishes_in_a_codec_without_headers_is_broken() -> None:
    class Silent(TinyCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            super().encode(metadata, Mutation(), buffer)

    with pytest.raises(Broken, match="a change the protocol cannot carry is an EncodeError"):
        CHECKS["mutation_is_applied"].function(Silent, case(tiny(), mutation=Mutation(a="x")))


def test_a_heartbeat_without_a_place_for_an_id_may_refuse_one() -> None:
    class Anonymous(MailCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            raise EncodeError("a heartbeat has no id")

    check = CHECKS["carries_the_request_id"].function
    with pytest.raises(NotJudged, match="no pair"):
        check(Anonymous, case(mail(MessageType.HEARTBEAT), request_id=1))
    with pytest.raises(Broken, match="refuses the id 1"):
        check(Anonymous, case(mail(REQUEST), request_id=1))


def test_an_id_that_is_text_in_the_body_changes_there_and_nowhere_else() -> None:
    wire = b'{"id":7,"n":77}\n'
    check = CHECKS["carries_the_request_id"].function
    check(JsonCodec, case(wire, request_id=123))

    class ChangesAll(JsonCodec):
        def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
            buffer.append(metadata.origin_message.replace(b"7", b"%d" % metadata.request_id))

    with pytest.raises(Broken, match="the body is"):
        check(ChangesAll, case(wire, request_id=123))


class Sizeless(TinyCodec):
    """It does not say where a message's header ends."""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        metadata.header_size = metadata.body_size = 0
        return status


class SizelessAndCareless(Sizeless):
    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        written = Buffer()
        super().encode(metadata, mutation, written)
        buffer.append(bytes(written)[:-1] + b"!")


def test_where_no_header_is_told_only_an_ids_bytes_may_change() -> None:
    tried = case(tiny(b"a long body", request_id=3), request_id=0xFFFF)
    CHECKS["carries_the_request_id"].function(Sizeless, tried)
    with pytest.raises(Broken, match="the body is"):
        CHECKS["carries_the_request_id"].function(SizelessAndCareless, tried)


def test_a_string_that_is_made_of_the_changed_one_may_follow_it() -> None:
    class Pathed(MailCodec):
        def describe(self, data: bytes, headers: int, metadata: Metadata) -> None:
            super().describe(data, headers, metadata)
            metadata["path"] = f"mail/{metadata.get('to', '')}"

    wire = mail(REQUEST, headers=[("to", "ann"), ("cc", "bob")])
    check = CHECKS["mutation_is_applied"].function
    check(Pathed, case(wire, mutation=Mutation(to="eve")))

    class Clobbering(MailCodec):
        def written(self, pairs: Pairs) -> bytes:
            return super().written([(key, "eve") for key, _ in pairs])

    with pytest.raises(Broken, match="string 'cc' is 'eve', not 'bob'"):
        check(Clobbering, case(wire, mutation=Mutation(to="eve")))


def test_a_stateful_codecs_reply_is_read_after_the_request_it_answers() -> None:
    tried = Case(side=RESPONSE, wire=tiny(b"r", request_id=3), requests=(tiny(b"q", request_id=3),), request_id=99)
    for law in ("passes_through_unchanged", "carries_the_request_id"):
        CHECKS[law].function(RememberingCodec, tried)


class StringsInTheBody(MailCodec):
    """It counts all but the first byte as body, headers too, and reads them at once."""

    puts_off = False

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        if status is DecodeStatus.DONE:
            metadata.header_size, metadata.body_size = 1, len(metadata.origin_message) - 1
            strings = dict(metadata.folded)
            if self.puts_off:
                metadata.folded.clear()
                metadata.defer(lambda message: message.folded.update(strings))
        return status


class PutsOffTheStringsInTheBody(StringsInTheBody):
    puts_off = True


def test_a_body_changes_with_the_strings_that_are_in_it_only_where_they_are_put_off() -> None:
    check = CHECKS["mutation_is_applied"].function
    tried = case(mutation=Mutation(z="x"))
    check(PutsOffTheStringsInTheBody, tried)
    with pytest.raises(Broken, match="wrote the body"):
        check(StringsInTheBody, tried)
