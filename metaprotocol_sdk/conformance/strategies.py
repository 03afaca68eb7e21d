"""What the laws are tried on: strategies named for what they do to bytes, and :func:`cases`, which puts them together.

Nothing here filters what it draws, so a law costs no more than its examples.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from itertools import accumulate

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException

from metaprotocol_sdk.conformance.case import Case, nearly_every_cut
from metaprotocol_sdk.conformance.check import Check, Draw
from metaprotocol_sdk.conformance.conversation import parties, whole_message
from metaprotocol_sdk.conformance.subject import Sample, Subject
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation

_FRONT, _HEAD = 3, 24
"""Offsets up to which corruption is likeliest to matter: what says which message it is, and where most headers end."""
_LIMITS = 64, 128
"""Limits that hostile bytes run over; below the size of a header a limit means nothing."""
_MOST_EXCHANGES = 4
"""Requests under way together; more of them find no more."""
_TRIES = 8
"""Requests drawn until one has a reply: where most are oneways, drawing must not filter out more than it keeps."""
_EXTREMES = (0x00, 0x01, 0x7F, 0x80, 0xFF)


class StrategyFault(BaseException):
    """A subject's strategy raised, or gave something that is no Sample; the text says what.

    Not an Exception, so that Hypothesis ends at once instead of shrinking towards the strategy's own fault.
    """


def truncations(data: bytes) -> st.SearchStrategy[bytes]:
    """Fronts of ``data``, at least one byte and fewer than all; ``data`` itself when it has only one."""
    return st.integers(1, max(1, len(data) - 1)).map(lambda size: data[:size])


def chunkings(size: int, *, edges: Iterable[int] = ()) -> st.SearchStrategy[tuple[int, ...]]:
    """Offsets at which ``size`` bytes are cut into reads, ascending: one, a few, or (nearly) all of them.

    Args:
        size: Bytes; fewer than two cannot be cut.
        edges: Offsets to cut at often, such as where messages end; those outside are ignored.
    """
    if size < 2:
        return st.just(())
    inside = [edge for edge in edges if 0 < edge < size]
    places = st.integers(1, size - 1) | st.sampled_from(inside) if inside else st.integers(1, size - 1)
    few = st.lists(places, min_size=1, max_size=6, unique=True).map(lambda cuts: tuple(sorted(cuts)))
    return st.one_of(places.map(lambda cut: (cut,)), few, st.just(nearly_every_cut(size)))


@st.composite
def corruptions(draw: st.DrawFn, data: bytes) -> bytes:
    """``data`` with one to three faults: a byte, an extreme number, a word, bytes missing, doubled, put in, cut off."""
    for _ in range(draw(st.integers(1, 3))):
        data = draw(_EDITS[draw(st.integers(0, len(_EDITS) - 1))](data)) if data else draw(st.binary(max_size=8))
    return data


def _places(data: bytes) -> st.SearchStrategy[int]:
    last = len(data) - 1
    return st.one_of(*(st.integers(0, min(last, end)) for end in (_FRONT, _HEAD, last)))


def _replaced_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    # Small numbers, and neighbours of what is there, are what kinds, flags and counts are.
    values = st.one_of(st.integers(0, 15), st.integers(0, 255), st.sampled_from([1 << bit for bit in range(8)]))

    def replace(drawn: tuple[int, int, bool]) -> bytes:
        at, value, flips = drawn
        return _spliced(data, at, 1, bytes([data[at] ^ value if flips else value]))

    return st.tuples(_places(data), values, st.booleans()).map(replace)


def _extreme_numbers(data: bytes) -> st.SearchStrategy[bytes]:
    """A window of 1, 2, 4 or 8 bytes at an extreme: zero, all ones, the largest or smallest of either byte order."""
    windows = st.tuples(_places(data), st.sampled_from((1, 2, 4, 8)), st.sampled_from(_EXTREMES), st.booleans())

    def plant(window: tuple[int, int, int, bool]) -> bytes:
        at, width, top, is_big = window
        low = {0x7F: 0xFF, 0xFF: 0xFF}.get(top, 0)
        number = bytes([top]) + bytes([low]) * (width - 1) if is_big else bytes([low]) * (width - 1) + bytes([top])
        return _spliced(data, at, width, number[: len(data) - at])

    return windows.map(plant)


def _missing_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    return st.tuples(_places(data), st.integers(1, 8)).map(lambda at: _spliced(data, at[0], at[1], b""))


def _doubled_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    return st.tuples(_places(data), st.integers(1, 8)).map(lambda at: _spliced(data, at[0], 0, data[at[0] :][: at[1]]))


def _foreign_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    return st.tuples(_places(data), st.binary(min_size=1, max_size=8)).map(lambda at: _spliced(data, at[0], 0, at[1]))


def _odd_words(data: bytes) -> st.SearchStrategy[bytes]:
    """A word of a text, or all of it before its end, as another number or another kind of value."""
    found = [match.span() for match in _WORD.finditer(data, 0, _TEXT)]
    if not found:
        return _replaced_bytes(data)
    odd = st.one_of(st.sampled_from(_ODD_WORDS), st.integers(-40, 9).map(b"%d".__mod__))
    places = st.sampled_from([*found, (0, len(data.rstrip(b"\r\n\0")))])
    return st.tuples(places, odd).map(lambda drawn: data[: drawn[0][0]] + drawn[1] + data[drawn[0][1] :])


_WORD = re.compile(rb"[0-9A-Za-z_.+-]+")
_TEXT = 256
"""Bytes of a message in which words are looked for: enough for a line and its headers."""
_ODD_WORDS = (b"", b"-0", b"9" * 20, b"1e999", b"0x1f", b"\xc2\xb2", b"null", b"[]", b"{}", b'""')
"""What code that reads text takes for a number or an object, or does not expect there."""


def _spliced(data: bytes, start: int, size: int, put: bytes) -> bytes:
    return data[:start] + put + data[start + size :]


_EDITS = (
    _replaced_bytes,
    _extreme_numbers,
    _missing_bytes,
    _doubled_bytes,
    _foreign_bytes,
    _odd_words,
    truncations,
)


@st.composite
def hostile_messages(draw: st.DrawFn, messages: list[bytes]) -> list[bytes]:
    """What a peer that is broken or means harm sends: one of its messages corrupted, or bytes that are nothing."""
    if draw(st.integers(0, 7)) == 7:
        return [draw(st.binary(min_size=1, max_size=64))]
    at = draw(st.integers(0, len(messages) - 1))
    return [*messages[:at], draw(corruptions(messages[at])), *messages[at + 1 :]]


def request_ids(ids: range) -> st.SearchStrategy[int]:
    """Ids of ``ids``, its ends and the edges of every power of two in it often among them."""
    edges = {ids[0], ids[-1], *(edge for power in range(7, 65) for edge in (2**power - 1, 2**power) if edge in ids)}
    return st.one_of(st.sampled_from((ids[0], ids[-1])), st.sampled_from(sorted(edges)), st.sampled_from(ids))


def mutations(own_keys: tuple[str, ...]) -> st.SearchStrategy[Mutation]:
    """Changes of a message's strings: its own keys in another case, and fresh ones; new values, and removals."""
    fresh = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(lambda name: f"x-{name}0")
    own = st.sampled_from(own_keys) if own_keys else st.nothing()
    spelled = own.flatmap(lambda key: st.sampled_from((key, key.upper(), key.title())))
    plain = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789", min_size=1, max_size=16)
    odd = st.one_of(st.sampled_from(_ODD_TEXTS), st.text(max_size=8))
    numbers = st.integers(-1, 300).map(str)
    values = st.one_of(plain, numbers, odd, st.none())
    keys = (
        st.sampled_from((fresh, spelled, st.one_of(fresh, spelled))).flatmap(lambda each: each) if own_keys else fresh
    )
    # One refused text refuses the whole mutation, so every second one is a change that most messages can say.
    simple = st.dictionaries(keys, st.one_of(plain, numbers, st.none()), min_size=1, max_size=1)
    return st.one_of(simple, st.dictionaries(keys, values, min_size=1, max_size=3)).map(Mutation)


_ODD_TEXTS = (
    "",
    " ",
    "\r\n",
    "\0",
    "a: b\r\nc: d",
    "é",
    "\U0001f642",
    "7" * 70,
    "8" * 300,
    "w" * 33_000,
    "long " * 14_000,
    "\ud800",
)
"""What random text hardly ever is, and what breaks encoders: nothing, line ends, NUL, more than u8, i16 or u16 say."""


@st.composite
def cases(draw: st.DrawFn, subject: Subject, check: Check, ids: range) -> Case:
    """Cases for one check: the side, the bytes and the parts that the check says it draws.

    Args:
        draw: Hypothesis's.
        subject: Whose messages.
        check: What for.
        ids: The codec's ``request_ids``.
    """
    if Draw.EXCHANGES in check.draws:
        return _draw_exchanges(draw, subject, ids)
    case = _draw_case(draw, subject, check.draws, ids)
    if Draw.NEIGHBOUR in check.draws:
        return replace(case, others=(_draw_case(draw, subject, check.draws, ids),))
    return case


def _draw_case(draw: st.DrawFn, subject: Subject, wants: Draw, ids: range) -> Case:
    side = draw(st.sampled_from(subject.sides))
    count = draw(st.integers(1, 3)) if Draw.STREAM in wants else 1
    pairs = [_draw_message(draw, subject, side) for _ in range(count)]
    requests = tuple(request.data for request, _ in pairs if request is not None)
    messages = [message.data for _, message in pairs]
    sample: Sample | None = pairs[0][1] if count == 1 else None
    limit = None
    if Draw.HOSTILITY in wants or (Draw.CORRUPTION in wants and draw(st.booleans())):
        messages, sample = draw(hostile_messages(messages)), None
        if Draw.LIMIT in wants:
            limit = draw(st.integers(*_LIMITS))
            messages.append(draw(st.binary(min_size=1, max_size=4)) * limit)
    wire = b"".join(messages)
    return Case(
        side=side,
        wire=wire,
        sample=sample,
        requests=requests,
        cuts=draw(chunkings(len(wire), edges=accumulate(map(len, messages)))) if Draw.CUTS in wants else (),
        trailing=_draw_trailing(draw, subject, side) if Draw.TRAILING in wants else b"",
        mutation=draw(mutations(_own_keys(subject, side, wire, requests))) if Draw.MUTATION in wants else Mutation(),
        request_id=draw(request_ids(ids)) if Draw.REQUEST_ID in wants and ids else None,
        limit=limit,
    )


def _draw_exchanges(draw: st.DrawFn, subject: Subject, ids: range) -> Case:
    """One to four requests under way together: each with its reply, and an id that no other has."""
    wanted = min(draw(st.integers(1, _MOST_EXCHANGES)), len(ids[:_MOST_EXCHANGES]))
    new_ids = draw(st.lists(request_ids(ids), min_size=wanted, max_size=wanted, unique=True))
    exchanges = [_draw_exchange(draw, subject, request_id) for request_id in new_ids]
    return replace(exchanges[0], others=tuple(exchanges[1:]))


def _draw_exchange(draw: st.DrawFn, subject: Subject, request_id: int) -> Case:
    side = MessageType.RESPONSE
    if subject.requests is None or side not in subject.sides:
        sample = _draw_message(draw, subject, subject.sides[0])[1]
        return Case(side=subject.sides[0], wire=sample.data, request_id=request_id)
    request, reply = _draw_message(draw, subject, side)
    if request is None:
        request = _draw_sample(draw, subject.requests, "requests")
    return Case(side=side, wire=reply.data, requests=(request.data,), request_id=request_id)


def _draw_message(draw: st.DrawFn, subject: Subject, side: MessageType) -> tuple[Sample | None, Sample]:
    """A message of one side, and the request it answers where the subject pairs them."""
    if side is MessageType.REQUEST or subject.reply_to is None or subject.requests is None:
        strategy = subject.requests if side is MessageType.REQUEST else subject.responses
        return None, _draw_sample(draw, strategy, side.name.lower() + "s")
    for _ in range(_TRIES):
        request = _draw_sample(draw, subject.requests, "requests")
        try:
            replies = subject.reply_to(request)
        except Exception as error:
            raise StrategyFault(f"reply_to raised {type(error).__name__}: {error}") from error
        if replies is not None:
            return request, _draw_sample(draw, replies, "reply_to")
    return reject()


def _draw_sample(draw: st.DrawFn, strategy: st.SearchStrategy[Sample] | None, name: str) -> Sample:
    if not isinstance(strategy, st.SearchStrategy):
        raise StrategyFault(f"{name} is {type(strategy).__name__}; it must be a Hypothesis strategy of Samples")
    try:
        sample = draw(strategy)
    except HypothesisException:
        raise
    except Exception as error:
        raise StrategyFault(f"the strategy {name} raised {type(error).__name__}: {error}") from error
    if not isinstance(sample, Sample):
        raise StrategyFault(
            f"the strategy {name} gives {type(sample).__name__}; it must give metaprotocol_sdk.conformance.Sample"
        )
    return sample


def _draw_trailing(draw: st.DrawFn, subject: Subject, side: MessageType) -> bytes:
    if draw(st.booleans()):
        return draw(st.binary(min_size=1, max_size=24))
    return _draw_message(draw, subject, side)[1].data


def _own_keys(subject: Subject, side: MessageType, wire: bytes, requests: tuple[bytes, ...]) -> tuple[str, ...]:
    case = Case(side=side, wire=wire, requests=requests)
    try:
        return tuple(whole_message(parties(subject.factory(), case).reader, side, wire))
    except Exception:
        return ()
