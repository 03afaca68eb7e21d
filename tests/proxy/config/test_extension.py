from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.extension import Extension, open_any
from metaprotocol_sdk.proxy.config.report import Report
from tests.proxy.config.reading import said

TYPE = "type.googleapis.com/a.B"


def opened(text: str) -> tuple[Extension | None, list[str]]:
    report = Report("f.yaml")
    return open_any(read_document(text, report), report), said(report.findings)


@pytest.mark.parametrize(
    "text",
    [
        f"{{'@type': {TYPE}, x: 1}}",
        f"{{'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: {TYPE}, value: {{x: 1}}}}",
        f"{{'@type': type.googleapis.com/xds.type.v3.TypedStruct, typeUrl: {TYPE}, value: {{x: 1}}}}",
    ],
)
def test_both_spellings_of_an_any_say_the_same(text: str) -> None:
    extension, findings = opened(text)
    assert findings == []
    assert extension is not None
    assert (extension.type_url, extension.fields) == (TYPE, {"x": 1})


def test_a_typed_structs_fields_are_found_under_value() -> None:
    extension, _ = opened(f"'@type': type.googleapis.com/xds.type.v3.TypedStruct\ntype_url: {TYPE}\nvalue:\n  x: 1\n")
    assert extension is not None
    assert (extension.fields.value_place("x").line, extension.fields.value_place("x").path) == (4, "value.x")
    assert extension.place.path == "type_url"


def test_a_typed_struct_without_value_has_no_fields() -> None:
    extension, findings = opened(f"{{'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: {TYPE}}}")
    assert findings == []
    assert extension is not None
    assert extension.fields == {}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{x: 1}", "1:1 error @type: required, and not there: it says the type, as type.googleapis.com/…"),
        ("{'@type': 5}", "1:11 error @type: expected a type, as type.googleapis.com/…, found 5"),
        ("{'@type': ''}", "1:11 error @type: expected a type, as type.googleapis.com/…, found ''"),
        (
            "{'@type': type.googleapis.com/xds.type.v3.TypedStruct, value: {}}",
            "1:1 error type_url: required, and not there: it says the type, as type.googleapis.com/…",
        ),
        (
            f"{{'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: {TYPE}, value: 5}}",
            "1:98 error value: expected a mapping, found 5",
        ),
    ],
)
def test_an_any_that_cannot_be_opened_says_why(text: str, finding: str) -> None:
    assert opened(text) == (None, [finding])


def test_a_typed_struct_has_no_other_keys() -> None:
    findings = opened(f"{{'@type': type.googleapis.com/xds.type.v3.TypedStruct, type_url: {TYPE}, x: 1}}")[1]
    assert findings == ["1:91 error x: unknown key; a TypedStruct has type_url and value"]


def test_another_type_is_reported_where_it_is_said() -> None:
    report = Report("f.yaml")
    extension = open_any(read_document(f"x: 1\n'@type': {TYPE}", report), report)
    assert extension is not None
    assert extension.is_a(TYPE, report)
    assert not extension.is_a("other", report)
    assert said(report.findings) == [f"2:10 error @type: expected other, found '{TYPE}'"]
