"""Every law, as data: the command line, pytest and the documentation all iterate over :data:`CHECKS`.

A check takes what makes a codec and one :class:`Case`. It returns when the law holds in the case and raises
:class:`Broken`, an AssertionError whose text teaches, when it does not. It draws nothing and keeps nothing, so any
caller (the suite, a test, a saved case) can ask it again and gets the same answer.
"""

from __future__ import annotations

from types import MappingProxyType

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.check import Check, Draw, Level
from metaprotocol_sdk.conformance.laws.answering import (
    answers_no_oneway,
    error_reply_answers_the_request,
    heartbeats_end,
    tells_errors_apart,
)
from metaprotocol_sdk.conformance.laws.bounding import bounds_the_length
from metaprotocol_sdk.conformance.laws.describing import (
    compiles_its_frame,
    describes_in_the_right_types,
    names_every_byte,
    recognises_its_own,
    sets_operation_name,
    sizes_add_up,
    tells_a_deadline_in_seconds,
    tells_requests_from_replies,
)
from metaprotocol_sdk.conformance.laws.hostile import survives_hostile_input
from metaprotocol_sdk.conformance.laws.mutating import (
    changes_compose,
    encode_changes_nothing_else,
    mutation_is_idempotent,
    mutation_is_reversible,
)
from metaprotocol_sdk.conformance.laws.reading import (
    decodes_one_message,
    describes_what_it_was_given,
    leaves_trailing_bytes,
    rejects_only_with_decode_error,
    split_invariance,
    waits_without_consuming,
)
from metaprotocol_sdk.conformance.laws.sharing import (
    decodes_the_same_again,
    hint_changes_nothing,
    is_stateless,
    keeps_request_ids,
)
from metaprotocol_sdk.conformance.laws.writing import (
    carries_the_request_id,
    mutation_is_applied,
    passes_through_unchanged,
)
from metaprotocol_sdk.framing import FramedCodec


def _without_ids(codec: Codec) -> str:
    return "" if codec.request_ids else "the codec declares no request_ids"


def _rewriting(codec: Codec) -> str:
    return "this configuration rewrites messages (rewrites is true)" if codec.rewrites else ""


def _without_ids_or_rewriting(codec: Codec) -> str:
    return _without_ids(codec) or _rewriting(codec)


def _without_frame(codec: Codec) -> str:
    return "" if isinstance(codec, FramedCodec) else "the codec is no FramedCodec: it declares no frame"


def _frame_alone(codec: Codec) -> str:
    is_frame_alone = isinstance(codec, FramedCodec) and type(codec).describe is FramedCodec.describe
    return "the codec is a frame alone: without describe() it does not say what messages mean" if is_frame_alone else ""


def _without_heartbeats(codec: Codec) -> str:
    own = type(codec)
    keeps = own.heartbeat is Codec.heartbeat and own.heartbeat_reply is Codec.heartbeat_reply
    return "the codec neither sends nor answers heartbeats" if keeps else ""


def _without_deadlines(codec: Codec) -> str:
    return "the codec overrides no deadline()" if type(codec).deadline is Codec.deadline else ""


_LISTED = (
    Check(
        function=decodes_one_message,
        draws=Draw.MESSAGE,
        mistake="the length is read from the wrong place, with the wrong byte order or width, or counts other bytes "
        "(of the body, or of the whole message) than the codec thinks",
    ),
    Check(
        function=waits_without_consuming,
        draws=Draw.MESSAGE | Draw.CUTS,
        mistake="the header is parsed or drained before all of it is there, or something is changed before the wait",
    ),
    Check(
        function=leaves_trailing_bytes,
        draws=Draw.MESSAGE | Draw.TRAILING,
        mistake="the codec takes len(buffer) for the message's size; a read may hold several messages",
    ),
    Check(
        function=split_invariance,
        draws=Draw.STREAM | Draw.CORRUPTION | Draw.CUTS,
        share=2,
        mistake="the codec keeps something between two calls of decode, or its answer depends on how much is there "
        "beyond the message",
    ),
    Check(
        function=decodes_the_same_again,
        draws=Draw.STREAM | Draw.CORRUPTION,
        share=0.5,
        mistake="the codec keeps something of a message: a counter, a cache that is changed later, an object that two "
        "share",
    ),
    Check(
        function=hint_changes_nothing,
        draws=Draw.STREAM | Draw.CORRUPTION | Draw.CUTS,
        share=0.5,
        mistake="buffer.hint says what was true of fewer bytes, or of other ones, and decode believes it",
    ),
    Check(
        function=rejects_only_with_decode_error,
        draws=Draw.STREAM | Draw.HOSTILITY | Draw.CUTS,
        share=2,
        mistake="a length, count, index or text from the wire is used before it is checked",
    ),
    Check(
        function=survives_hostile_input,
        draws=Draw.MESSAGE,
        share=0.05,
        mistake="a number from the wire sizes, counts or indexes something before it is compared with what is there, "
        "or a parser calls itself for each level",
    ),
    Check(
        function=bounds_the_length,
        draws=Draw.LIMIT | Draw.CORRUPTION | Draw.CUTS,
        share=2,
        mistake="the declared length is trusted: compare it with self.max_message_size before waiting for it",
    ),
    Check(
        function=sizes_add_up,
        draws=Draw.STREAM | Draw.CORRUPTION,
        mistake="header_size or body_size is left out, or is what a field says and not what the message has",
    ),
    Check(
        function=describes_in_the_right_types,
        draws=Draw.STREAM | Draw.CORRUPTION,
        share=0.5,
        mistake="a number from the wire is put where an enum belongs, or bytes or None where a str or an int does",
    ),
    Check(
        function=describes_what_it_was_given,
        draws=Draw.MESSAGE,
        mistake="decode reads a field at the wrong offset or with the wrong sign, and encode writes it there again, so "
        "that only someone who knows the message sees it",
    ),
    Check(
        function=tells_requests_from_replies,
        draws=Draw.MESSAGE,
        share=0.5,
        mistake="decode sets message_type from a field without asking which side speaks, or always to the same",
    ),
    Check(
        function=sets_operation_name,
        draws=Draw.MESSAGE,
        share=0.5,
        mistake="operation_name is forgotten, or set for some kinds of requests only",
        exempts=_frame_alone,
    ),
    Check(
        function=recognises_its_own,
        draws=Draw.MESSAGE | Draw.CORRUPTION | Draw.CUTS,
        share=0.5,
        mistake="match indexes the prefix before it is long enough, or refuses what it cannot tell yet: that is None",
    ),
    Check(
        function=tells_a_deadline_in_seconds,
        draws=Draw.STREAM | Draw.CORRUPTION,
        share=0.5,
        mistake="the number is returned as the wire has it: in another unit, as text, or as what stands for no "
        "deadline",
        exempts=_without_deadlines,
    ),
    Check(
        function=passes_through_unchanged,
        draws=Draw.MESSAGE,
        mistake="encode builds the message anew from what decode kept, instead of from metadata.origin_message",
        exempts=_rewriting,
    ),
    Check(
        function=carries_the_request_id,
        draws=Draw.MESSAGE | Draw.REQUEST_ID,
        mistake="encode writes the origin bytes without metadata.request_id in them, or in another width or byte order "
        "than decode reads",
        exempts=_without_ids,
    ),
    Check(
        function=keeps_request_ids,
        draws=Draw.EXCHANGES,
        share=0.5,
        mistake="replies are paired with requests by their order, or the id of a reply is read or written elsewhere "
        "than that of a request",
        exempts=_without_ids,
    ),
    Check(
        function=is_stateless,
        draws=Draw.STREAM | Draw.CUTS | Draw.NEIGHBOUR,
        share=0.5,
        mistake="the codec keeps something of one connection on itself; that belongs to what for_connection() returns",
    ),
    Check(
        function=encode_changes_nothing_else,
        draws=Draw.MESSAGE | Draw.MUTATION | Draw.REQUEST_ID,
        share=0.5,
        mistake="encode applies the mutation to metadata too, or works on its strings instead of a copy",
    ),
    Check(
        function=mutation_is_applied,
        draws=Draw.MESSAGE | Draw.MUTATION,
        mistake="encode ignores the mutation, or changes the headers and not the lengths that count them",
    ),
    Check(
        function=mutation_is_idempotent,
        draws=Draw.MESSAGE | Draw.MUTATION,
        share=0.5,
        mistake="encode adds the header beside the one that is there, so that a message grows at every hop",
        exempts=_rewriting,
    ),
    Check(
        function=changes_compose,
        draws=Draw.MESSAGE | Draw.MUTATION | Draw.REQUEST_ID,
        share=0.5,
        mistake="encode has a path for mutations that forgets the id, or one for ids that forgets the mutation",
        exempts=_without_ids_or_rewriting,
    ),
    Check(
        function=mutation_is_reversible,
        draws=Draw.MESSAGE | Draw.MUTATION,
        share=0.5,
        mistake="encode builds the headers anew from what decode kept: an order, a duplicate or a spelling is lost",
        level=Level.SHOULD,
        exempts=_rewriting,
    ),
    Check(
        function=error_reply_answers_the_request,
        draws=Draw.MESSAGE | Draw.REQUEST_ID,
        share=0.5,
        mistake="on_error is empty, echoes the request with its type and status, forgets the id, or writes a text as "
        "it is where the protocol has no room for it",
    ),
    Check(
        function=tells_errors_apart,
        draws=Draw.MESSAGE,
        share=0.1,
        mistake="on_error looks at error.message alone; a protocol without codes can begin the text with "
        "error.type.name",
        level=Level.SHOULD,
    ),
    Check(
        function=answers_no_oneway,
        draws=Draw.MESSAGE,
        share=0.5,
        mistake="on_error does not look at metadata.message_type",
    ),
    Check(
        function=heartbeats_end,
        draws=Draw.MESSAGE | Draw.REQUEST_ID,
        share=0.5,
        mistake="heartbeat_reply does not tell a heartbeat from the answer to one",
        exempts=_without_heartbeats,
    ),
    Check(
        function=names_every_byte,
        draws=Draw.MESSAGE | Draw.CORRUPTION | Draw.CUTS,
        share=0.5,
        mistake="fields trusts the lengths it reads: bound each by len(data), and name what is left",
        level=Level.SHOULD,
    ),
    Check(
        function=compiles_its_frame,
        draws=Draw.MESSAGE,
        share=0,
        mistake="a field of the header is of a kind that struct does not have, or the fields are of both byte orders",
        level=Level.SHOULD,
        exempts=_without_frame,
    ),
)

CHECKS = MappingProxyType({check.name: check for check in _LISTED})
"""Every check by its name, in the order a codec is best repaired in."""
