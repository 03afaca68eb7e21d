"""String headers as one word of a text message.

Layout, with the default separators; ``-`` alone says that there are none::

    key=value;key=value
"""

from __future__ import annotations

from collections.abc import Iterable

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing.string_map import Changes
from metaprotocol_sdk.metadata import Metadata


class TextMap:
    """The string headers of a :class:`DelimitedFrame`: pairs in one word, between the other words and the body.

    Args:
        separator: Between pairs.
        equals: Between a key and its value; the first one counts, so a value may contain it.
        empty: The word that says there are no headers.

    There is no escaping: a text that contains a separator is an EncodeError. Of several pairs with one key the
    first counts, and is the one a mutation replaces.
    """

    __slots__ = ("empty", "equals", "separator")

    def __init__(self, *, separator: str = ";", equals: str = "=", empty: str = "-") -> None:
        if not separator or not equals or not empty or separator in equals or equals in separator:
            raise ValueError(
                f"separator={separator!r}, equals={equals!r} and empty={empty!r} must be three different texts"
            )
        if separator in empty or equals in empty:
            raise ValueError(f"empty={empty!r} would read as a pair")
        self.separator = separator
        self.equals = equals
        self.empty = empty

    def pairs(self, word: str, offset: int = 0) -> list[tuple[str, str]]:
        """The keys and values of ``word``, which stands at ``offset`` in its message.

        Raises:
            DecodeError: A pair has no key.
        """
        if word == self.empty:
            return []
        found = []
        for index, pair in enumerate(word.split(self.separator)):
            key, equals, value = pair.partition(self.equals)
            if not key or not equals:
                shape = f"key{self.equals}value"
                raise DecodeError(f"{pair!r} is not {shape}", path=f"headers[{index}]", offset=offset)
            found.append((key, value))
        return found

    def read_into(self, metadata: Metadata, word: str, offset: int) -> None:
        """Sets the strings of ``word`` that ``metadata`` does not have yet.

        Raises:
            DecodeError: A pair has no key.
        """
        folded = metadata.folded
        for key, value in self.pairs(word, offset):
            if key.lower() not in folded:
                metadata[key] = value

    def edit(self, word: str, changes: Changes) -> str:
        """``word`` with ``changes`` in it; pairs no change names keep their text.

        Raises:
            EncodeError: A text contains what separates pairs.
        """
        left = dict(changes)
        kept = []
        for key, value in self.pairs(word):
            folded = key.lower()
            if folded not in changes:
                kept.append((key, value))
                continue
            new = left.pop(folded, ("", None))[1]
            if new is not None:
                kept.append((key, new))
        kept += [(key, value) for key, value in left.values() if value is not None]
        return self.build(kept)

    def build(self, pairs: Iterable[tuple[str, str]]) -> str:
        """The word that says these pairs.

        Raises:
            EncodeError: A text contains what separates pairs.
        """
        said = list(pairs)
        word = self.separator.join([self._said(key, value) for key, value in said]) or self.empty
        # A text that ends in half of a separator makes a whole one with what follows it.
        if len(self.separator) + len(self.equals) > 2 and not self._reads_as(word, said):
            raise EncodeError(f"{word!r} would be read as other headers", key="headers")
        return word

    def _reads_as(self, word: str, pairs: list[tuple[str, str]]) -> bool:
        try:
            return self.pairs(word) == pairs
        except DecodeError:
            return False

    def _said(self, key: str, value: str) -> str:
        for text, forbidden in ((key, self.equals), (key, self.separator), (value, self.separator)):
            if forbidden in text:
                raise EncodeError(f"{text!r} contains {forbidden!r}, which separates headers", key=key)
        if not key:
            raise EncodeError("a header's key cannot be empty", key=key)
        return f"{key}{self.equals}{value}"
