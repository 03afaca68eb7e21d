"""Walks a message of hessian2 values and reads of it what a codec must know."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from reference_codecs.dubbo.hessian2.errors import Hessian2Error, truncated
from reference_codecs.dubbo.hessian2.events import Finder, Recorder
from reference_codecs.dubbo.hessian2.maps import Entry, WalkedMap
from reference_codecs.dubbo.hessian2.numbers import read_int
from reference_codecs.dubbo.hessian2.tags import DIRECT_LENGTH, END, MAP, NULL, REFERENCE, STRINGS, TYPED_MAP
from reference_codecs.dubbo.hessian2.text import read_string
from reference_codecs.dubbo.hessian2.walk import Walk


class Walker(Walk):
    """Goes through the values of one message, from the first, in their order.

    It keeps what later values need of earlier ones: how many lists, maps and objects there were, each class's number
    of fields, and how many types. So all values of a message are walked by one walker; only strings and numbers may
    be passed some other way, by setting ``position``. After an error it is not to be used again.

    Args:
        data: The bytes.
        position: Where the first value starts.
        end: Where the message ends; the end of the data if not given.
        limits: What it may cost.
    """

    __slots__ = ()

    def read_string(self) -> str | None:
        """Passes a string or null.

        Raises:
            Hessian2Error: The value is neither, or malformed.
        """
        at = self.position
        if self.tag == NULL:
            self.position = at + 1
            return None
        try:
            text, stop = read_string(self.data, at)
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop)
        return text

    def read_int(self) -> int:
        """Passes an int; a long is none.

        Raises:
            Hessian2Error: The value is no int, or cut short.
        """
        at = self.position
        try:
            number, stop = read_int(self.data, at)
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop)
        return number

    def read_strings(self) -> dict[str, str]:
        """Passes a map, or null, and gives the entries whose key and value are strings; of equal keys the last.

        Raises:
            Hessian2Error: As in :meth:`read_map`.
        """
        at = self.position
        if self.tag not in (MAP, TYPED_MAP):
            found = self.read_map()
            return found.strings() if found else {}
        strings: dict[str, str] = {}
        try:
            stop = self._open_map(at)
            stop, left = _read_short_entries(self.data, stop, self.limits.entries, strings)
            while self.data[stop] != END:
                if not left:
                    self._refuse_entries(stop)
                key, stop = self._text(stop)
                value, stop = self._text(stop)
                if key is not None and value is not None:
                    strings[key] = value
                stop, left = _read_short_entries(self.data, stop, left - 1, strings)
        except IndexError:
            truncated(at, self.end)
        self._arrive(at, stop + 1)
        return strings

    def read_map(self) -> WalkedMap | None:
        """Passes a map, a reference to an earlier map, or null, and gives where its entries are.

        A reference costs a second walk from where this one began.

        Raises:
            Hessian2Error: The value is none of these, malformed, or goes beyond a limit.
        """
        at = self.position
        if self.tag == REFERENCE:
            self.skip()
            return self._earlier(read_int(self.data, at + 1)[0], at)
        if self.tag == NULL:
            self.position = at + 1
            return None
        try:
            return self._map(at)
        except IndexError:
            truncated(at, self.end)

    def _refuse_entries(self, at: int) -> NoReturn:
        raise Hessian2Error(f"a map has more than {self.limits.entries} entries", at)

    def _arrive(self, start: int, stop: int) -> None:
        if stop > self.end:
            truncated(start, self.end)
        self.position = stop

    def _map(self, start: int) -> WalkedMap:
        first = at = self._open_map(start)
        numbers = (self.references, len(self.classes), self.types)
        self._listener = recorder = Recorder()
        entries: list[Entry] = []
        while self.data[at] != END:
            if len(entries) >= self.limits.entries:
                self._refuse_entries(at)
            key, middle = self._text(at)
            value, stop = self._text(middle)
            entries.append(Entry(at, middle, stop, key, value))
            at = stop
        self._listener = None
        self._arrive(start, at + 1)
        return WalkedMap(
            start=start,
            end=at + 1,
            first=first,
            last=at,
            entries=tuple(entries),
            is_reference=False,
            events=tuple(recorder.events),
            numbers=numbers,
        )

    def _earlier(self, number: int, start: int) -> WalkedMap:
        """The map of that number, for the reference at ``start``."""
        again = Walker(self.data, self._start, start, limits=self.limits)
        again._listener = finder = Finder(number)
        while again.references <= number:
            again.skip()
        again.position = finder.start
        found = again.read_map()
        assert found is not None, "a numbered value is never null"
        return replace(found, start=start, end=self.position, is_reference=True)

    def _text(self, at: int) -> tuple[str | None, int]:
        """The text of the value at ``at``, ``None`` where it is no string, and the index after it."""
        if self.data[at] in STRINGS:
            return read_string(self.data, at)
        return None, self._skip(at)


def _read_short_entries(data: bytes, at: int, left: int, into: dict[str, str]) -> tuple[int, int]:
    """Reads the entries from ``at`` on whose key and value are ASCII and short, ``left`` at most.

    A short string's length is a control character, so both are decoded at once with the one between them.

    Returns:
        Where another entry or the end starts, and how many more may come.
    """
    while left and (size := data[at]) < DIRECT_LENGTH:
        value_start = at + 1 + size
        if (value_size := data[value_start]) >= DIRECT_LENGTH:
            break
        stop = value_start + 1 + value_size
        both = data[at + 1 : stop]
        if not both.isascii():
            break
        text = both.decode("ascii")
        into[text[:size]] = text[size + 1 :]
        at = stop
        left -= 1
    return at, left
