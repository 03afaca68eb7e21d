"""Validation errors in words that a reader of Envoy's documentation knows.

pydantic speaks of Python (``Input should be a valid integer``); a finding says what the file has and what was expected:
``expected a whole number, found 'abc'``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Entries, locate

_LONGEST = 60

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "enum": "{expected}",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number",
    "greater_than": "a number over {gt}",
    "greater_than_equal": "a number from {ge} up",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of fewer digits",
    "int_type": "a whole number",
    "less_than": "a number under {lt}",
    "less_than_equal": "a number up to {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "mapping_type": "a mapping",
    "model_attributes_type": "a mapping",
    "model_type": "a mapping",
    "multiple_of": "a multiple of {multiple_of}",
    "string_pattern_mismatch": "text that matches {pattern}",
    "string_too_long": "text of at most {max_length} characters",
    "string_type": "text",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}


def shown(value: object) -> str:
    """A value of the file, as short text for a sentence."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if not isinstance(value, str):
        return str(value)
    return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "…")


def expected(what: str, value: object) -> ValueError:
    """The error a validator raises: what was expected, and what is there instead."""
    return ValueError(f"expected {what}, found {shown(value)}")


def report_errors(error: ValidationError, tree: Entries, report: Report) -> None:
    """Adds every error of one validation to ``report``, each at its place in the ``tree`` that was validated."""
    for each in error.errors(include_url=False):
        location = each["loc"]
        report.error(locate(tree, location), sentence(each))


def sentence(error: ErrorDetails) -> str:
    """One validation error as a clause."""
    kind, context = error["type"], error.get("ctx", {})
    value = error["input"]
    match kind:
        case "missing":
            return "required, and not there"
        case "value_error":
            return str(context["error"])
        case "extra_forbidden":
            return "unknown key"
        case "string_type" if isinstance(value, bool | int | float):
            return f"expected text, found {shown(value)}; put it in quotes"
        case "string_too_short" if value == "":
            return "expected text that is not empty"
    if kind in _EXPECTED:
        return f"expected {_filled(_EXPECTED[kind], context)}, found {shown(value)}"
    return f"found {shown(value)}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def _filled(template: str, context: Mapping[str, Any]) -> str:
    return template.format_map({key: str(value).replace("'", "") for key, value in context.items()})
