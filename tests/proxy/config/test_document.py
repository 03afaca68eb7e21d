from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config import document
from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import plain
from tests.proxy.config.reading import said


def read(text: str | bytes) -> tuple[Any, list[str]]:
    report = Report("f.yaml")
    try:
        return plain(read_document(text, report)), said(report.findings)
    except ConfigError as error:
        return None, said(error.findings)


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a: 1\n---\nb: 2\n", "2:1", "a second document starts here; a configuration is one document"),
        ("a: *b\n", "1:4", "an alias (*) to an anchor (&) that is not defined before it"),
        ("a: &x 1\nb: &x 2\n", "2:4", "an anchor (&) of this name is defined already; give each its own name"),
        ("a: @b\n", "1:4", "text that starts with @ needs quotes"),
        ("a: `b`\n", "1:4", "text that starts with ` needs quotes"),
        ("a: 1\nb", "2:2", "could not find expected ':' while scanning a simple key that starts at line 2"),
        ("a: 'b\n", "2:1", "the file ends before the quotes of line 1 are closed"),
        ('a: 1\nb: "x\nc: 2\n', "4:1", "the file ends before the quotes of line 2 are closed"),
        (
            "a: b: c\n",
            "1:5",
            document._SENTENCES["mapping values are not allowed in this context"],
        ),
        (
            "a:\n  b: [1, 2\nc: 3\n",
            "3:2",
            "did not find expected ',' or ']' while parsing a flow sequence that starts at line 2",
        ),
    ],
)
def test_what_is_no_yaml_is_told_in_a_sentence_at_its_place(text: str, place: str, problem: str) -> None:
    assert read(text)[1] == [f"{place} error : not valid YAML: {problem}"]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "1:1 error : the file is empty; a configuration starts with `static_resources:`"),
        ("# only a comment\n", "1:1 error : the file is empty; a configuration starts with `static_resources:`"),
        ("- a\n", "1:1 error : expected a mapping at the root, such as `static_resources:`, found a list"),
        ("\n  text", "2:3 error : expected a mapping at the root, such as `static_resources:`, found a single value"),
        ("a:\n\tb: 1\n", "2:1 error : a tab cannot indent YAML; use spaces"),
        ("a: &x {b: *x}\n", "1:4 error : an alias (*) inside its own anchor (&) has no end"),
        ("a: &x\n  <<: *x\n", "1:4 error : an alias (*) inside its own anchor (&) has no end"),
        ("a: \x00\n", "1:4 error : the character U+0000 cannot be in a YAML file"),
        ("a: b\nc: \ufeff", "2:4 error : the character U+FEFF cannot be in a YAML file"),
        ("a: b\r\nc: \x1b[0m", "2:4 error : the character U+001B cannot be in a YAML file"),
        (b"a: b\nc: \xff\n", "2:4 error : byte 0xff is not UTF-8; save the file as UTF-8"),
        ("a: b".encode("utf-16"), "1:1 error : the file is UTF-16; save it as UTF-8"),
        ("? [a]\n: 1\n", "1:3 error ?: a key must be text, not a mapping or a list"),
        ("a: !!map x\n", "1:4 error a: the tag !!map means nothing here; remove it"),
        ("a: !x 1\n", "1:4 error a: the tag !x means nothing here; remove it"),
        ("a: [!!set {}]\n", "1:5 error a[0]: the tag !!set means nothing here; remove it"),
        ("a: !!int x\n", "1:4 error a: 'x' is not what its tag !!int says"),
        ("!!python/name:os.system {}\n", "1:1 error : the tag !!python/name:os.system means nothing here; remove it"),
        ("a: {<<: 3}\n", "1:9 error a.<<: << takes a mapping or a list of mappings"),
    ],
)
def test_what_is_no_configuration_is_told_in_a_sentence_at_its_place(text: str | bytes, finding: str) -> None:
    assert read(text)[1] == [finding]


def test_a_byte_order_mark_is_no_content() -> None:
    assert read("\ufeffa: 1") == ({"a": 1}, [])
    assert read(b"\xef\xbb\xbfa: 1") == ({"a": 1}, [])


def test_scalars_are_read_by_yaml_1_2_and_quotes_make_text() -> None:
    assert read("{a: no, b: 'true', c: 1:30, d: 010, e: \"5\", f: 5, g: |\n  7\n}".replace("g: |\n  7\n", "g: '7'"))[
        0
    ] == {
        "a": "no",
        "b": "true",
        "c": "1:30",
        "d": "010",
        "e": "5",
        "f": 5,
        "g": "7",
    }
    assert read("a: |\n  7\n8: 9\n~: 1\n") == ({"a": "7\n", "8": 9, "~": 1}, [])


def test_an_identical_repeated_key_is_a_warning_and_another_value_an_error() -> None:
    value, findings = read("a: {x: 1}\nb: 1\na: {x: 1}\nb: true\n")
    assert value == {"a": {"x": 1}, "b": 1}
    assert findings == [
        "3:1 warning a: given already at line 1, with the same value",
        "4:1 error b: given already at line 2, with another value; a mapping has a key once",
    ]


def test_aliases_and_merge_keys_work_and_own_keys_win() -> None:
    text = """\
base: &base {a: 1, b: 2}
other: &other {b: 3, c: 4}
list: [*base, *base]
merged: {b: 0, <<: *base}
both: {<<: [*base, *other], d: 5}
quoted: {'<<': *base}
"""
    value, findings = read(text)
    assert findings == []
    assert value["list"] == [{"a": 1, "b": 2}, {"a": 1, "b": 2}]
    assert value["merged"] == {"b": 0, "a": 1}
    assert value["both"] == {"d": 5, "a": 1, "b": 2, "c": 4}
    assert value["quoted"] == {"<<": {"a": 1, "b": 2}}


def test_what_an_alias_repeats_stands_at_its_anchor_under_the_path_of_its_use() -> None:
    root = read_document("a: &x\n  k: v\nb: {c: *x, <<: *x}\n", Report("f"))
    place = root["b"]["c"].value_place("k")
    assert (place.line, place.column, place.path) == (2, 6, "b.c.k")
    merged = root["b"].value_place("k")
    assert (merged.line, merged.column, merged.path) == (2, 6, "b.k")


def test_nesting_is_bounded() -> None:
    assert read("a: " + "[" * (document.MAX_DEPTH - 1) + "]" * (document.MAX_DEPTH - 1))[1] == []
    too_deep = "mappings and lists nest deeper than 64 levels"
    assert read("a: " + "[" * document.MAX_DEPTH + "]" * document.MAX_DEPTH)[1] == [f"1:67 error : {too_deep}"]
    [finding] = read("[" * 100_000)[1]  # where, depends on how far libyaml reads ahead, and whether it has a limit too
    assert finding.endswith(f" error : {too_deep}")
    assert read("{a: " * 100_000)[1] == [f"1:257 error : {too_deep}"]


def test_aliases_that_nest_are_bounded_as_deep() -> None:
    chain = "a0: &a0 {}\n" + "".join(f"a{index}: &a{index} [*a{index - 1}]\n" for index in range(1, 200))
    assert read(chain)[1] == ["1:5 error : mappings and lists nest deeper than 64 levels"]


@pytest.mark.parametrize("pattern", ["a{i}: &a{i} [{nine}]\n", "a{i}: &a{i} {{<<: [{nine}], k{i}: 1}}\n"])
def test_an_alias_bomb_is_refused(pattern: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 10_000)
    bomb = "a0: &a0 {k: 1}\n" + "".join(
        pattern.format(i=index, nine=",".join([f"*a{index - 1}"] * 9)) for index in range(1, 30)
    )
    assert read(bomb)[1] == ["1:5 error : with what its aliases repeat, the file has more than 10000 values"]


def test_size_and_number_of_values_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_VALUES", 100)
    assert read("a: [" + "1," * 300 + "]")[1] == ["1:4 error : the file has more than 100 values"]
    monkeypatch.setattr(document, "MAX_SIZE", 1024 * 1024)
    assert read(b"#" * 1024 * 1024 + b"\n")[1] == ["1:1 error : the file has more than 1 MiB; a configuration has less"]


# Of what JSON lets stand, YAML 1.1's parser forbids controls and reads two more line ends.
texts = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=20
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
data = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))


@given(st.dictionaries(texts, data, max_size=5), st.sampled_from([None, 2]))
def test_json_is_read_as_json(value: dict[str, Any], indent: int | None) -> None:
    assert read(json.dumps(value, ensure_ascii=False, indent=indent)) == (value, [])


@given(st.text(alphabet="ab:-? \n\t#'\"{}[],&*!|>%@<01", max_size=60) | st.binary(max_size=60))
def test_any_text_gives_a_mapping_or_findings(text: str | bytes) -> None:
    value, findings = read(text)
    assert isinstance(value, dict) or any(" error " in each for each in findings)
