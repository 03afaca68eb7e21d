"""What a proxy asks a codec to change in a message's strings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class Mutation(Mapping[str, "str | None"]):
    """An immutable, ordered mapping of string keys to what they become; None removes a key.

    Keys compare case-insensitively. ``a | b`` is both, where ``b`` wins. An empty Mutation is false.

    In a message the first occurrence of a key is replaced in place and keeps the message's spelling, later
    duplicates go, a key that is absent is added at the end, removing what is absent does nothing:
    :meth:`apply` says it in code.

    Raises:
        TypeError: A key is not a str, or a value neither a str nor None.
    """

    __slots__ = ("_items",)

    def __init__(
        self, changes: Mapping[str, str | None] | Iterable[tuple[str, str | None]] = (), /, **more: str | None
    ) -> None:
        pairs = changes.items() if isinstance(changes, Mapping) else changes
        items: dict[str, tuple[str, str | None]] = {}
        for key, value in (*pairs, *more.items()):
            if not isinstance(key, str) or not (value is None or isinstance(value, str)):
                raise TypeError(f"a mutation maps str to str or None, not {key!r} to {value!r}")
            items[key.lower()] = (key, value)
        self._items = items

    @property
    def folded(self) -> dict[str, tuple[str, str | None]]:
        """A new dict of lower-case key to (key as it was given, value): what an encoder consumes."""
        return dict(self._items)

    def apply(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """The key and value pairs of a message, with this mutation in them."""
        left = self.folded
        seen: set[str] = set()
        result = []
        for key, value in pairs:
            folded = key.lower()
            if folded not in self._items:
                result.append((key, value))
            elif folded not in seen:
                seen.add(folded)
                new = left.pop(folded)[1]
                if new is not None:
                    result.append((key, new))
        return result + [(key, value) for key, value in left.values() if value is not None]

    def __getitem__(self, key: str) -> str | None:
        try:
            return self._items[key.lower()][1]
        except KeyError:
            raise KeyError(key) from None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and key.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        return iter([key for key, _ in self._items.values()])

    def __len__(self) -> int:
        return len(self._items)

    def __bool__(self) -> bool:
        return bool(self._items)

    def __or__(self, other: Mapping[str, str | None]) -> Mutation:
        if not isinstance(other, Mapping):
            return NotImplemented
        return Mutation([*self.items(), *other.items()])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        mine = {key: value for key, (_, value) in self._items.items()}
        return mine == {str(key).lower(): value for key, value in other.items()}

    def __hash__(self) -> int:
        return hash(frozenset((key, value) for key, (_, value) in self._items.items()))

    def __repr__(self) -> str:
        return f"Mutation({dict(self.items())!r})"


NO_MUTATION = Mutation()
"""Changes nothing."""
