"""YAML text to a tree that knows where everything stands.

PyYAML's C parser composes nodes; scalars are read by YAML 1.2 (``scalar.py``), aliases and merge keys (``<<``) are
resolved, and everything is bounded before it is built: size, depth, and how much aliases may repeat.
"""

from __future__ import annotations

import codecs
import re
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.scalar import read_scalar, read_tagged
from metaprotocol_sdk.proxy.config.tree import Entries, Items, Place, join, path_of, plain, snake

MAX_SIZE = 16 * 1024 * 1024
"""Bytes a file may have."""

MAX_DEPTH = 64
"""How deep mappings and sequences may nest; Envoy's own messages need about 20."""

MAX_VALUES = 1_000_000
"""Values a file may have, each counted as often as aliases repeat it."""

_TOO_DEEP = f"mappings and lists nest deeper than {MAX_DEPTH} levels"
_TAG = "tag:yaml.org,2002:"
_PLAIN, _TEXT, _MAPPING, _SEQUENCE = "plain", _TAG + "str", _TAG + "map", _TAG + "seq"
_CONTAINERS = (_MAPPING, _SEQUENCE)
_SCALAR_TAGS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null"))
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SENTENCES = {
    "mapping values are not allowed in this context": "a ':' does not belong here; text with ': ' in it needs quotes, "
    "and a key must be as far in as its siblings",
    "found undefined alias": "an alias (*) to an anchor (&) that is not defined before it",
    "second occurrence": "an anchor (&) of this name is defined already; give each its own name",
    "but found another document": "a second document starts here; a configuration is one document",
    "found unexpected end of stream": "the file ends before the quotes of line {started} are closed",
}


def read_document(text: str | bytes, report: Report) -> Entries:
    """The mapping at the root of a file of one YAML document.

    Args:
        text: The file's content; bytes are UTF-8.
        report: Gets what is wrong and does not end the reading: duplicate keys, unknown tags.

    Raises:
        ConfigError: This is no YAML document, is over a limit, or is not a mapping.
    """
    text = _checked_text(text, report)
    root = _compose(text, report)
    if root is None:
        raise _failure(report, 1, 1, "the file is empty; a configuration starts with `static_resources:`")
    if not isinstance(root, MappingNode):
        what = "a list" if isinstance(root, SequenceNode) else "a single value"
        mark = root.start_mark
        raise _failure(
            report,
            mark.line + 1,
            mark.column + 1,
            f"expected a mapping at the root, such as `static_resources:`, found {what}",
        )
    return _TreeBuilder(report).root(root)


def _checked_text(text: str | bytes, report: Report) -> str:
    if len(text) > MAX_SIZE:
        raise _failure(report, 1, 1, f"the file has more than {MAX_SIZE // 1024 // 1024} MiB; a configuration has less")
    if isinstance(text, bytes):
        if text.startswith(_BYTE_ORDER_MARKS):
            raise _failure(report, 1, 1, "the file is UTF-16; save it as UTF-8")
        text = _decoded(text, report)
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        line, column = _line_and_column(text[: found.start()])
        raise _failure(report, line, column, f"the character U+{ord(found.group()):04X} cannot be in a YAML file")
    return text


def _decoded(data: bytes, report: Report) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _line_and_column(data[: error.start].decode("utf-8"))
        problem = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise _failure(report, line, column, problem) from error


class _OverLimit(Exception):
    def __init__(self, parent: Node | None, problem: str) -> None:
        super().__init__(problem)
        self.line, self.column = (parent.start_mark.line + 1, parent.start_mark.column + 1) if parent else (1, 1)


class _Composer(yaml.CBaseLoader):
    """PyYAML's C parser with its tags left undecided, and bounded: its composer calls these hooks for every node."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.count = 0

    def resolve(self, kind: type[Node], _value: object, implicit: Any) -> str:
        if kind is ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return _MAPPING if kind is MappingNode else _SEQUENCE

    def descend_resolver(self, parent: Node | None, _index: object) -> None:
        self.depth += 1
        self.count += 1
        if self.depth > MAX_DEPTH + 1:  # a scalar counts too
            raise _OverLimit(parent, _TOO_DEEP)
        if self.count > 2 * MAX_VALUES:  # keys are nodes too
            raise _OverLimit(parent, f"the file has more than {MAX_VALUES} values")

    def ascend_resolver(self) -> None:
        self.depth -= 1


def _compose(text: str, report: Report) -> Node | None:
    composer = _Composer(text)
    try:
        root: Node | None = composer.get_single_node()
    except _OverLimit as error:
        raise _failure(report, error.line, error.column, str(error)) from error
    except yaml.MarkedYAMLError as error:
        raise _syntax_failure(error, text, report) from error
    finally:
        composer.dispose()
    return root


def _syntax_failure(error: yaml.MarkedYAMLError, text: str, report: Report) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    problem = error.problem or "it cannot be read"
    lines = _LINE_END.split(text)
    if line > len(lines):  # the parser counts an end of file without a line end as the next line
        line, column = len(lines), len(lines[-1]) + 1
    here = lines[line - 1]
    if "\t" in here[: len(here) - len(here.lstrip())]:
        return _failure(report, line, column, "a tab cannot indent YAML; use spaces")
    if problem == "exceeded maximum nesting depth":  # libyaml's own limit, met where it reads ahead of the composer
        return _failure(report, line, column, _TOO_DEEP)
    if here[column - 1 : column] in ("@", "`", "%"):
        problem = f"text that starts with {here[column - 1]} needs quotes"
    elif problem in _SENTENCES:
        problem = _SENTENCES[problem].format(started=error.context_mark.line + 1 if error.context_mark else line)
    elif error.context and error.context_mark is not None:
        problem = f"{problem} {error.context} that starts at line {error.context_mark.line + 1}"
    return _failure(report, line, column, f"not valid YAML: {problem}")


class _TreeBuilder:
    """Nodes to tree. An alias becomes a copy of what it stands for, so that every value has one path."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._count = 0
        self._open: set[int] = set()

    def root(self, node: Node) -> Entries:
        if node.tag not in _CONTAINERS:
            self._report_tag(node, Place(node.start_mark.line + 1, node.start_mark.column + 1, ""))
        return self._entries(node, None, "")

    def _entries(self, node: Node, parent: Entries | Items | None, key: str | int) -> Entries:
        entries = Entries(node, parent, key)
        self._enter(node)
        merged: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _PLAIN and key_node.value == "<<":
                merged.append(value_node)
            elif not isinstance(key_node, ScalarNode):
                self._report.error(self._place(key_node, entries, "?"), "a key must be text, not a mapping or a list")
            elif key_node.value in entries:
                self._repeat(entries, key_node, value_node)
            else:
                self._put(entries, key_node, value_node)
        for each in merged:
            self._merge(entries, each)
        self._open.discard(id(node))
        return entries

    def _items(self, node: SequenceNode, parent: Entries | Items, key: str | int) -> Items:
        items = Items(node, parent, key)
        self._enter(node)
        for index, each in enumerate(node.value):
            items.append(self._value(each, items, index))
        self._open.discard(id(node))
        return items

    def _value(self, node: Node, parent: Entries | Items, key: str | int) -> Any:
        self._count += 1
        if isinstance(node, ScalarNode):
            if node.tag == _PLAIN:
                return read_scalar(node.value)
            return node.value if node.tag == _TEXT else self._tagged(node, self._place(node, parent, key))
        if node.tag not in _CONTAINERS:  # working a place out for each of them was an eighth of all the work
            self._report_tag(node, self._place(node, parent, key))
        if isinstance(node, SequenceNode):
            return self._items(node, parent, key)
        return self._entries(node, parent, key)

    def _put(self, entries: Entries, key_node: ScalarNode, value_node: Node) -> None:
        key = key_node.value
        entries.nodes[key] = (key_node, value_node)
        entries[key] = self._value(value_node, entries, key)

    def _repeat(self, entries: Entries, key_node: ScalarNode, value_node: Node) -> None:
        key = key_node.value
        first = entries.key_place(key)
        second = self._place(key_node, entries, key)
        value = self._value(value_node, entries, key)
        if repr(plain(value)) == repr(plain(entries[key])):
            self._report.warning(second, f"given already at line {first.line}, with the same value")
        else:
            self._report.error(
                second, f"given already at line {first.line}, with another value; a mapping has a key once"
            )

    def _merge(self, entries: Entries, node: Node) -> None:
        """Adds what ``<<`` brings: keys the mapping has itself win, and of several merged mappings the first."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        for source in sources:
            if not isinstance(source, MappingNode):
                self._report.error(self._place(source, entries, "<<"), "<< takes a mapping or a list of mappings")
                continue
            other = self._entries(source, entries.parent, entries.key)
            for key, value in other.items():
                if key not in entries:
                    entries[key] = value
                    entries.nodes[key] = other.nodes[key]

    def _tagged(self, node: ScalarNode, place: Place) -> Any:
        try:
            return read_tagged(node.value, node.tag.removeprefix(_TAG))
        except ValueError:
            if node.tag in _SCALAR_TAGS:
                problem = f"{_shown(node.value)!r} is not what its tag {_shown(node.tag)} says"
                self._report.error(place, problem)
            else:
                self._report_tag(node, place)
        return node.value

    def _report_tag(self, node: Node, place: Place) -> None:
        self._report.error(place, f"the tag {_shown(node.tag)} means nothing here; remove it")

    def _enter(self, node: Node) -> None:
        """Raises ConfigError where an alias leads back into itself, or aliases make more than the limits allow."""
        mark = node.start_mark
        line, column = mark.line + 1, mark.column + 1
        if id(node) in self._open:
            raise _failure(self._report, line, column, "an alias (*) inside its own anchor (&) has no end")
        if len(self._open) >= MAX_DEPTH:
            raise _failure(self._report, line, column, _TOO_DEEP)
        if self._count > MAX_VALUES:
            raise _failure(
                self._report, line, column, f"with what its aliases repeat, the file has more than {MAX_VALUES} values"
            )
        self._open.add(id(node))

    def _place(self, node: Node, parent: Entries | Items, key: str | int) -> Place:
        path = join(path_of(parent), snake(key) if isinstance(key, str) else key)
        return Place(node.start_mark.line + 1, node.start_mark.column + 1, path)


def _line_and_column(before: str) -> tuple[int, int]:
    lines = _LINE_END.split(before)
    return len(lines), len(lines[-1]) + 1


def _shown(text: str) -> str:
    text = text.replace(_TAG, "!!")
    return text if len(text) <= 40 else text[:40] + "…"


def _failure(report: Report, line: int, column: int, message: str) -> ConfigError:
    report.error(Place(line, column, ""), message)
    return ConfigError(report.findings)
