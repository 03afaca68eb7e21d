"""Which laws a run holds a codec to, from what a person asks for."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from metaprotocol_sdk.conformance.checks import CHECKS
from metaprotocol_sdk.conformance.suite import find_check
from metaprotocol_sdk.exceptions import ConformanceError


def select_laws(*, expression: str = "", laws: Sequence[str] = (), skip: Sequence[str] = ()) -> list[str]:
    """The names of the selected laws, in the order of :data:`CHECKS`.

    Args:
        expression: As pytest's ``-k``: parts of names joined by ``and``, ``or``, ``not`` and parentheses.
        laws: Only these.
        skip: None of these.

    Raises:
        ConformanceError: A law has no such name, the expression cannot be read, or nothing is left.
    """
    for name in (*laws, *skip):
        find_check(name)
    selected = [name for name in CHECKS if (not laws or name in laws) and name not in skip]
    if expression.strip():
        tree = _parsed(expression)
        selected = [name for name in selected if _holds(tree, name)]
    if not selected:
        raise ConformanceError(f"no law is selected; the laws are {', '.join(CHECKS)}")
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
