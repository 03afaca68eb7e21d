"""Every law, as data: the command line, pytest and the documentation all iterate over :data:`CHECKS`.

A check takes what makes a codec and one :class:`Case`. It returns when the law holds in the case and raises
:class:`Broken`, an AssertionError whose text teaches, when it does not. It draws nothing and keeps nothing, so any
caller (the suite, a test, a saved case) can ask it again and gets the same answer.
"""

from __future__ import annotations

from types import MappingProxyType

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.check import Check, Draw
from metaprotocol_sdk.conformance.laws.bounding import bounds_the_length
from metaprotocol_sdk.conformance.laws.reading import (
    decodes_one_message,
    describes_what_it_was_given,
    leaves_trailing_bytes,
    rejects_only_with_decode_error,
    split_invariance,
    waits_without_consuming,
)
from metaprotocol_sdk.conformance.laws.writing import (
    carries_the_request_id,
    mutation_is_applied,
    passes_through_unchanged,
)


def _without_ids(codec: Codec) -> str:
    return "" if codec.request_ids else "the codec declares no request_ids"


def _rewriting(codec: Codec) -> str:
    return "this configuration rewrites messages (rewrites is true)" if codec.rewrites else ""


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
        mistake="the codec keeps something between two calls of decode, or its answer depends on how much is there "
        "beyond the message",
    ),
    Check(
        function=passes_through_unchanged,
        draws=Draw.MESSAGE,
        mistake="encode builds the message anew from what decode kept, instead of from metadata.origin_message",
        exempts=_rewriting,
    ),
    Check(
        function=rejects_only_with_decode_error,
        draws=Draw.STREAM | Draw.HOSTILITY | Draw.CUTS,
        mistake="a length, count, index or text from the wire is used before it is checked",
    ),
    Check(
        function=bounds_the_length,
        draws=Draw.LIMIT | Draw.CORRUPTION | Draw.CUTS,
        mistake="the declared length is trusted: compare it with self.max_message_size before waiting for it",
    ),
    Check(
        function=carries_the_request_id,
        draws=Draw.MESSAGE | Draw.REQUEST_ID,
        mistake="encode writes the origin bytes without metadata.request_id in them, or in another width or byte order "
        "than decode reads",
        exempts=_without_ids,
    ),
    Check(
        function=describes_what_it_was_given,
        draws=Draw.MESSAGE,
        mistake="decode reads a field at the wrong offset or with the wrong sign, and encode writes it there again, so "
        "that only someone who knows the message sees it",
    ),
    Check(
        function=mutation_is_applied,
        draws=Draw.MESSAGE | Draw.MUTATION,
        mistake="encode ignores the mutation, or changes the headers and not the lengths that count them",
    ),
)

CHECKS = MappingProxyType({check.name: check for check in _LISTED})
"""Every check by its name, in the order a codec is best repaired in."""
