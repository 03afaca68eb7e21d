"""A YAML document as nodes, and what is wrong with it as findings with file, line and column."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.names import nearest

MAX_DEPTH = 16
"""How deep mappings and lists may nest; a file of vectors needs six levels."""
_NESTS_TOO_DEEP = f"lists and mappings nest deeper than {MAX_DEPTH} levels"

_NULL = "tag:yaml.org,2002:null"


class Document:
    """Reads nodes, and gathers what is wrong with them, so that a person sees all of it at once.

    Args:
        path: The file that findings name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._findings: list[Finding] = []

    def fault(self, node: Node, message: str, *, line: int | None = None) -> None:
        """Notes what is wrong with a node.

        Args:
            node: Where.
            message: What is wrong and what to do.
            line: The line, from 1, when it is not the one where the node begins.
        """
        at = node.start_mark.line + 1
        column = node.start_mark.column + 1 if line in (None, at) else 1
        self._findings.append(Finding(message=message, file=str(self.path), line=line or at, column=column))

    def check(self) -> None:
        """Raises ConfigError with everything that was found."""
        if self._findings:
            raise ConfigError(sorted(self._findings, key=lambda each: (each.line, each.column)))

    def mapping(self, node: Node | None, known: Collection[str], *, what: str) -> dict[str, Node]:
        """The nodes of a mapping by their keys; unknown and repeated keys are findings, and not in it."""
        if not isinstance(node, MappingNode):
            if node is not None:
                self.fault(node, f"{what} is a mapping with the keys {', '.join(known)}, not {_kind(node)}")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else _kind(key)
            if name in found:
                self.fault(key, f"{name!r} is here twice in {what}; leave one out")
            elif name not in known:
                guess = nearest(name, list(known))
                advice = f"did you mean {guess!r}?" if guess else f"its keys are {', '.join(known)}"
                self.fault(key, f"{what} has no key {name!r}; {advice}")
            else:
                found[name] = value
        return found

    def require(self, node: Node | None, found: Collection[str], names: Sequence[str], *, what: str) -> None:
        """Notes which of ``names`` a mapping lacks."""
        missing = [name for name in names if name not in found]
        if missing and isinstance(node, MappingNode):
            self.fault(node, f"{what} has no {' and no '.join(missing)}; write {'it' if len(missing) == 1 else 'them'}")

    def items(self, node: Node | None, *, what: str) -> list[Node]:
        """The nodes of a list, which has one at least."""
        if isinstance(node, SequenceNode) and node.value:
            return list(node.value)
        if node is not None:
            is_empty = isinstance(node, SequenceNode) or is_null(node)
            self.fault(node, f"there are no {what}; write one" if is_empty else f"this is a list, not {_kind(node)}")
        return []

    def text(self, node: Node) -> str:
        """What a scalar says, as it is written: no text is read as a number or a truth."""
        if isinstance(node, ScalarNode):
            return str(node.value)
        self.fault(node, f"this is text, not {_kind(node)}")
        return ""

    def integer(self, node: Node) -> int | None:
        """A whole number of either sign, in decimal or with 0x; None: it is none, and that is noted."""
        written = self.text(node)
        try:
            return int(written, 0)
        except ValueError:
            self.fault(node, f"{written!r} is no whole number; write it in decimal, or in hex as 0x1f")
            return None


def is_null(node: Node) -> bool:
    """Whether a node is written as ``null``, ``~`` or nothing."""
    return bool(node.tag == _NULL)


def _kind(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return "nothing" if is_null(node) else f"{node.value[:40]!r}"
    return "a list" if isinstance(node, SequenceNode) else "a mapping"


class _TooDeep(Exception):
    """The document nests deeper than any file of vectors does."""


class _Composer(yaml.CSafeLoader):
    """PyYAML's composer, stopped before its recursion is deep."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def descend_resolver(self, _parent: Node | None, _index: object) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _TooDeep

    def ascend_resolver(self) -> None:
        self._depth -= 1


def compose(text: str, document: Document) -> Node:
    """The root of a YAML document.

    Raises:
        ConfigError: It is none.
    """
    composer: Any = None
    try:
        composer = _Composer(text)
        root: Node | None = composer.get_single_node()
    except _TooDeep:
        raise _refused(document, _NESTS_TOO_DEEP) from None
    except yaml.MarkedYAMLError as error:
        if error.problem == "exceeded maximum nesting depth":  # libyaml's own limit, met where it reads ahead
            raise _refused(document, _NESTS_TOO_DEEP) from None
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = " ".join(filter(None, (error.context, error.problem)))
        raise _refused(document, f"this is no YAML: {problem}", line, column) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _refused(document, f"this is no YAML: {error.reason}", line) from error
    finally:
        if composer is not None:
            composer.dispose()
    if root is None:
        raise _refused(document, "the file is empty; it begins with schema_version: 1")
    return root


def _refused(document: Document, message: str, line: int = 1, column: int = 1) -> ConfigError:
    return ConfigError([Finding(message=message, file=str(document.path), line=line, column=column)])
