"""A request of an operator, and the response to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"
JSON = "application/json"

_FORM = "application/x-www-form-urlencoded"
_MAX_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked.

    Args:
        method: ``GET``, ``HEAD``, ``POST`` or another.
        path: The path as it was sent, without the query.
        query: The parameters of the query, and of a form that is posted; the first of those with one name.
        headers: Header fields by lower-case name.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_wire(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """The request that HTTP carries.

        Raises:
            ValueError: It has more than a hundred parameters.
        """
        path, _, query = target.partition("?")
        if headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
            query += "&" + body.decode("latin-1")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
        return cls(method, path, dict(reversed(pairs)), headers)


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered.

    Args:
        body: The text.
        status: The status code.
        content_type: What the text is.
        headers: More header fields; names and values of this proxy's own alone.
    """

    body: str
    status: int = 200
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, document: Any, *, indent: int | None = 1) -> Response:
        """A JSON document, indented as Envoy's are, or on one line, which takes a quarter of the time."""
        return cls(json.dumps(document, indent=indent, ensure_ascii=False) + "\n", content_type=JSON)
