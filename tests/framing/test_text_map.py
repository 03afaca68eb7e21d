"""String headers of text frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing import TextMap
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation

# Few letters, so that halves of separators meet.
texts = st.text("ab;=-A", max_size=5)
pairs_of_text = st.lists(st.tuples(texts, texts), max_size=4)
separators = st.sampled_from(
    [(";", "=", "-"), (";;", "==", "--"), (";a", "=", "-"), ("a", ";", "-"), (",", ":", "nil")]
)


def map_of(separators: tuple[str, str, str]) -> TextMap:
    separator, equals, empty = separators
    return TextMap(separator=separator, equals=equals, empty=empty)


@given(separators, pairs_of_text)
def test_what_is_built_reads_back_or_is_an_encode_error(
    separators: tuple[str, str, str], pairs: list[tuple[str, str]]
) -> None:
    headers = map_of(separators)
    try:
        word = headers.build(pairs)
    except EncodeError:
        return
    assert headers.pairs(word) == pairs


@given(st.lists(st.tuples(st.text("abAB", min_size=1), st.text("ab=-")), max_size=4))
def test_what_can_be_said_is_not_refused(pairs: list[tuple[str, str]]) -> None:
    assert TextMap().pairs(TextMap().build(pairs)) == pairs


@given(separators, texts)
def test_any_word_that_reads_is_built_from_its_pairs(separators: tuple[str, str, str], word: str) -> None:
    headers = map_of(separators)
    try:
        pairs = headers.pairs(word)
    except DecodeError:
        return
    assert headers.build(pairs) == word


@given(
    st.lists(st.tuples(st.text("abAB", min_size=1), st.text("ab=")), max_size=4),
    st.lists(st.tuples(st.text("abAB", min_size=1), st.none() | st.text("ab=")), max_size=4).map(Mutation),
)
def test_editing_does_what_the_model_says(pairs: list[tuple[str, str]], mutation: Mutation) -> None:
    headers = TextMap()
    assert headers.edit(headers.build(pairs), mutation.folded) == headers.build(mutation.apply(pairs))


def test_words_are_what_they_look_like() -> None:
    headers = TextMap()
    assert headers.build([]) == "-"
    assert headers.pairs("-") == []
    assert headers.build([("a", "1"), ("B", "x=y")]) == "a=1;B=x=y"
    assert headers.pairs("a=1;B=x=y") == [("a", "1"), ("B", "x=y")]
    assert headers.pairs("a=") == [("a", "")]


def test_the_first_of_a_key_counts_and_what_is_there_already_wins() -> None:
    metadata = Metadata()
    metadata["Kind"] = "word"
    TextMap().read_into(metadata, "kind=header;Key=1;KEY=2", 0)
    assert dict(metadata) == {"Kind": "word", "Key": "1"}


@pytest.mark.parametrize(
    ("word", "pair", "index"),
    [("", "", 0), ("a", "a", 0), ("=1", "=1", 0), ("a=1;", "", 1), ("a=1;;b=2", "", 1), ("-;a=1", "-", 0)],
)
def test_a_word_that_is_no_pairs_says_which(word: str, pair: str, index: int) -> None:
    with pytest.raises(DecodeError) as caught:
        TextMap().read_into(Metadata(), word, 9)
    error = caught.value
    assert (error.path, error.offset, error.reason) == (f"headers[{index}]", 9, f"{pair!r} is not key=value")


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (("a;b", "1"), "cannot encode 'a;b': 'a;b' contains ';', which separates headers"),
        (("a=b", "1"), "cannot encode 'a=b': 'a=b' contains '=', which separates headers"),
        (("a", "1;2"), "cannot encode 'a': '1;2' contains ';', which separates headers"),
        (("", "1"), "cannot encode the message: a header's key cannot be empty"),
    ],
)
def test_what_cannot_be_said_is_an_encode_error(pair: tuple[str, str], sentence: str) -> None:
    for write in (
        TextMap().build,
        lambda pairs: TextMap().edit("-", {key.lower(): (key, text) for key, text in pairs}),
    ):
        with pytest.raises(EncodeError) as caught:
            write([pair])
        assert str(caught.value) == sentence


def test_a_text_that_ends_in_half_a_separator_is_an_encode_error() -> None:
    with pytest.raises(EncodeError) as caught:
        TextMap(separator=";;").build([("a", "1;"), ("b", "2")])
    assert str(caught.value) == "cannot encode 'headers': 'a=1;;;b=2' would be read as other headers"


@pytest.mark.parametrize(
    ("separators", "sentence"),
    [
        (("", "=", "-"), "separator='', equals='=' and empty='-' must be three different texts"),
        ((";", ";", "-"), "separator=';', equals=';' and empty='-' must be three different texts"),
        ((";", "=;", "-"), "separator=';', equals='=;' and empty='-' must be three different texts"),
        ((";", "=", ""), "separator=';', equals='=' and empty='' must be three different texts"),
        ((";", "=", "a=b"), "empty='a=b' would read as a pair"),
        ((";", "=", ";"), "empty=';' would read as a pair"),
    ],
)
def test_separators_that_cannot_be_are_refused(separators: tuple[str, str, str], sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        map_of(separators)
    assert str(caught.value) == sentence
