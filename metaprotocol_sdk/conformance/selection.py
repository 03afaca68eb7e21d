"""Which laws a run holds a codec to, from what a person asks for."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from metaprotocol_sdk.conformance.checks import CHECKS
from metaprotocol_sdk.conformance.laws.agreeing import VECTOR_MARK
from metaprotocol_sdk.conformance.suite import find_check
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.exceptions import ConformanceError


def select_laws(
    *, expression: str = "", laws: Sequence[str] = (), skip: Sequence[str] = (), or_vectors: bool = False
) -> list[str]:
    """The names of the selected laws, in the order of :data:`CHECKS`.

    Args:
        expression: As pytest's ``-k``: parts of names joined by ``and``, ``or``, ``not`` and parentheses.
        laws: Only these.
        skip: None of these.
        or_vectors: Whether it may be none, because golden vectors may be selected instead.

    Raises:
        ConformanceError: A law has no such name, the expression cannot be read, or nothing is left.
    """
    for name in (*laws, *skip):
        find_check(name)
    selected = [name for name in CHECKS if (not laws or name in laws) and name not in skip]
    if expression.strip():
        tree = _parsed(expression)
        selected = [name for name in selected if _holds(tree, name)]
    if not selected and not or_vectors:
        raise ConformanceError(f"no law is selected; the laws are {', '.join(CHECKS)}")
    return selected


def select_vectors(
    vectors: Mapping[str, Vector],
    *,
    expression: str = "",
    laws: Sequence[str] = (),
    skip: Sequence[str] = (),
    others: Sequence[str] = (),
) -> dict[str, Vector]:
    """The selected ones of golden vectors, which are selected by name as laws are.

    Args:
        vectors: All there are, by name.
        expression: As for :func:`select_laws`; so for the next two.
        laws: Only these.
        skip: None of these.
        others: The laws that are selected.

    Raises:
        ConformanceError: A vector that is named is not there, or nothing is left and no law is selected either.
    """
    for name in (*laws, *skip):
        if VECTOR_MARK in name and name not in vectors:
            advice = f"there are {', '.join(vectors)}" if vectors else "this codec has none"
            raise ConformanceError(f"no golden vector is named {name!r}; {advice}")
    tree = _parsed(expression) if expression.strip() else None
    selected = {
        name: vector
        for name, vector in vectors.items()
        if (not laws or name in laws) and name not in skip and (tree is None or _holds(tree, name))
    }
    if not selected and not others:
        raise ConformanceError(f"nothing is selected; the laws are {', '.join(CHECKS)}")
    return selected


def _parsed(expression: str) -> ast.expr:
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
        _holds(tree, "")
    except (SyntaxError, ValueError) as error:
        raise ConformanceError(
            f"-k {expression!r} cannot be read; write parts of law names joined by and, or, not and parentheses"
        ) from error
    return tree


def _holds(tree: ast.expr, name: str) -> bool:
    match tree:
        case ast.Name(id=part):
            return part in name
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _holds(operand, name)
        case ast.BoolOp(op=operator, values=values):
            # Every part is looked at, so that one that cannot be read is found whatever the others say.
            held = [_holds(value, name) for value in values]
            return all(held) if isinstance(operator, ast.And) else any(held)
    raise ValueError(ast.dump(tree))
