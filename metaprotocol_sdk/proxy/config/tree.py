"""A YAML file as Python values that know where they stand.

Scalars are plain; a mapping is an :class:`Entries`, a sequence an :class:`Items`. Both remember the nodes they were
read from, so that a place is worked out only when something is said about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from yaml.nodes import Node

_UPPER = re.compile("[A-Z]")
_LONGEST_KEY = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: line and column from 1, and the dotted path from the file's root."""

    line: int
    column: int
    path: str


def snake(key: str) -> str:
    """``statPrefix`` as ``stat_prefix``: protobuf's JSON name as the field's own; what is none stays as it is."""
    if key.islower() or not key[:1].islower() or "." in key:
        return key
    return _UPPER.sub(lambda letter: "_" + letter.group().lower(), key)


class Entries(dict[str, Any]):
    """One mapping: values by key, in file order, and where each stands.

    Args:
        node: The YAML node it was read from.
        parent: What it is in; None for the file's root.
        key: Its key or index there.
    """

    __slots__ = ("key", "node", "nodes", "parent")

    def __init__(self, node: Node, parent: Entries | Items | None = None, key: str | int = "") -> None:
        super().__init__()
        self.node = node
        self.parent = parent
        self.key = key
        self.nodes: dict[str, tuple[Node, Node]] = {}

    @property
    def place(self) -> Place:
        """Where the mapping starts."""
        return _place(self.node, path_of(self))

    def key_place(self, key: str) -> Place:
        """Where a key stands; where the mapping starts when it has no such key."""
        return _place(self.nodes[key][0] if key in self.nodes else self.node, join(path_of(self), key))

    def value_place(self, key: str) -> Place:
        """Where a key's value stands; where the mapping starts when it has no such key."""
        return _place(self.nodes[key][1] if key in self.nodes else self.node, join(path_of(self), key))

    def renamed(self, rename: Callable[[str], str]) -> Self:
        """The same entries under other keys, in the same places. Of two keys that become one the first stays."""
        new = type(self)(self.node, self.parent, self.key)
        for key, value in self.items():
            name = rename(key)
            if name not in new:
                new[name] = value
                new.nodes[name] = self.nodes[key]
        return new

    def without(self, *keys: str) -> Self:
        """The same entries but for those."""
        new = self.renamed(str)
        for key in keys:
            new.pop(key, None)
        return new

    def child(self, key: str) -> Entries:
        """The mapping at ``key``, its keys in snake_case; an empty one when there is none.

        For checks that relate one place to another whatever else is wrong with the file.
        """
        value = self.get(key)
        return value.renamed(snake) if isinstance(value, Entries) else Entries(self.node, self, key)

    def children(self, key: str) -> list[Entries]:
        """The mappings in the list at ``key``, or the one that stands for it, as :meth:`child` gives them."""
        value = self.get(key)
        listed = value if isinstance(value, Items) else [value]
        return [each.renamed(snake) for each in listed if isinstance(each, Entries)]


class Items(list[Any]):
    """One sequence: its values, and where each stands. The arguments are those of :class:`Entries`."""

    __slots__ = ("key", "node", "parent")

    def __init__(self, node: Node, parent: Entries | Items | None = None, key: str | int = "") -> None:
        super().__init__()
        self.node = node
        self.parent = parent
        self.key = key

    @property
    def place(self) -> Place:
        """Where the sequence starts."""
        return _place(self.node, path_of(self))

    def item_place(self, index: int) -> Place:
        """Where an item stands."""
        return _place(self.node.value[index], join(path_of(self), index))


def locate(root: Entries, location: tuple[str | int, ...]) -> Place:
    """Where a validator's location stands: the value's place, or the nearest mapping's when the value is missing."""
    at: Any = root
    place = root.place
    for part in location:
        if isinstance(at, Entries) and isinstance(part, str):
            key = next((key for key in at if key == part or snake(key) == part), None)
            if key is None:
                return at.value_place(part)
            place = at.renamed(snake).value_place(part) if key != part else at.value_place(part)
            at = at[key]
        elif isinstance(at, Items) and isinstance(part, int) and part < len(at):
            place = at.item_place(part)
            at = at[part]
        elif not isinstance(at, Entries):  # else part is the 0 of a mapping that stands for a list of one
            break
    return place


def plain(value: Any) -> Any:
    """The value with every Entries and Items in it as a new dict and list: data that nothing will point into."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def path_of(tree: Entries | Items | None) -> str:
    """The dotted path of a mapping or sequence from the file's root, in snake_case, list items by index."""
    parts: list[str | int] = []
    while tree is not None and tree.parent is not None:
        parts.append(tree.key)
        tree = tree.parent
    path = ""
    for part in reversed(parts):
        path = join(path, snake(part) if isinstance(part, str) else part)
    return path


def join(path: str, part: str | int) -> str:
    """``path`` with one more key or index."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    part = part if len(part) <= _LONGEST_KEY else part[:_LONGEST_KEY] + "…"
    return f"{path}.{part}" if path else part


def _place(node: Node, path: str) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1, path)
