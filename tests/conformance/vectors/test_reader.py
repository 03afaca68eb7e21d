"""Files of golden vectors: what is read, and every way one can be wrong, by the sentence it gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance.vectors.reader import load_vectors, parse_vectors
from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.metadata import MessageType, ResponseStatus
from metaprotocol_sdk.mutation import Mutation

HEAD = "schema_version: 1\nvectors:\n"
WHOLE = """\
schema_version: 1
codec: tiny
provenance: the C++ client
vectors:
  - name: hello
    direction: request
    hex: |
      ab 00        # magic, status
      0007 0002

      6869         # the body
    expect:
      message_type: REQUEST
      request_id: 0x07
      operation_name: "1"
      response_status: ok
      header_size: 6
      body_size: 2
      strings: {cmd: 1, gone: null, word: "null"}
    encode: {mutation: {cmd: 2, gone: ~}, request_id: 8, hex: ab00 0008 0002 6869}
  - name: reply
    direction: response
    provenance: the Go server
    hex: [ab00000700, "00   # two lines"]
    answers: ab 00 0007 0002 6869
"""


def findings(text: str, path: str = "v.yaml") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_vectors(text, path=Path(path))
    return str(caught.value).splitlines()


def test_everything_a_file_may_say_is_read() -> None:
    file = parse_vectors(WHOLE, path=Path("some/v.yaml"))
    hello, reply = file.vectors
    assert (file.codec, hello.id, hello.line, hello.side) == ("tiny", "v.yaml::hello", 5, MessageType.REQUEST)
    assert hello.sample.data == bytes.fromhex("ab000007000268" + "69")
    assert hello.sample.facts == {
        "strings": {"cmd": "1", "gone": None, "word": "null"},
        "request_id": 7,
        "message_type": MessageType.REQUEST,
        "operation_name": "1",
        "response_status": ResponseStatus.OK,
        "header_size": 6,
        "body_size": 2,
    }
    assert hello.mutation == Mutation({"cmd": "2", "gone": None})
    assert (hello.request_id, hello.expected) == (8, bytes.fromhex("ab00000800026869"))
    assert (hello.provenance, reply.provenance) == ("the C++ client", "the Go server")
    assert (reply.side, reply.sample.data) == (MessageType.RESPONSE, bytes.fromhex("ab0000070000"))
    assert reply.requests == (hello.sample.data,)


def test_the_case_of_a_vector_asks_all_of_it() -> None:
    hello = parse_vectors(WHOLE, path=Path("v.yaml")).vectors[0]
    case = hello.case
    assert (case.side, case.wire, case.sample) == (hello.side, hello.sample.data, hello.sample)
    assert (case.mutation, case.request_id, case.expected) == (hello.mutation, 8, hello.expected)


@pytest.mark.parametrize("written", ["00000012", "0000012e3", "1e500000"[:8], "0o170b11"[:0] + "017"])
def test_no_hex_is_read_as_a_number(written: str) -> None:
    text = f"{HEAD}  - {{name: a, direction: request, hex: {written}}}\n"
    if len(written) % 2:
        assert "hex digits" in findings(text)[0]
    else:
        assert parse_vectors(text, path=Path("v.yaml")).vectors[0].sample.data == bytes.fromhex(written)


def test_json_says_the_same(tmp_path: Path) -> None:
    entry = {"name": "a", "direction": "request", "hex": "ab 00", "expect": {"strings": {"k": "\U0001f642 \\ud83d"}}}
    text = json.dumps({"schema_version": 1, "vectors": [entry]}, indent="\t")
    assert "\\ud83d\\ude42" in text
    path = tmp_path / "v.json"
    path.write_text(text)
    (vector,) = load_vectors(path).vectors
    assert vector.sample.facts == {"strings": {"k": "\U0001f642 \\ud83d"}}
    assert vector.sample.data == b"\xab\x00"


ONE = "  - name: a\n    direction: request\n    hex: ab\n"
WRONG = [
    ("", "v.yaml:1:1: error: the file is empty; it begins with schema_version: 1"),
    (
        "- a\n",
        "v.yaml:1:1: error: the file is a mapping with the keys schema_version, codec, provenance, vectors, not a list",
    ),
    ("schema_version: 1\n", "v.yaml:1:1: error: the file has no vectors; write it"),
    (
        f"schema_version: 2\nvectors:\n{ONE}",
        "v.yaml:1:17: error: this version of metaproto reads schema_version 1, and no other",
    ),
    ("schema_version: 1\nvectors: []\n", "v.yaml:2:10: error: there are no vectors; write one"),
    ("schema_version: 1\nvectors: all\n", "v.yaml:2:10: error: this is a list, not 'all'"),
    (f"{HEAD}{ONE}    hexx: ab\n", "v.yaml:6:5: error: a vector has no key 'hexx'; did you mean 'hex'?"),
    (f"{HEAD}{ONE}    hex: ab\n", "v.yaml:6:5: error: 'hex' is here twice in a vector; leave one out"),
    (f"{HEAD}{ONE}{ONE}", "v.yaml:6:5: error: line 3 has a vector 'a' already; give each its own name"),
    (f"{HEAD}  - name: a\n    hex: ab\n", "v.yaml:3:5: error: this vector has no direction; write it"),
    (f"{HEAD}  - name: a\n", "v.yaml:3:5: error: this vector has no direction and no hex; write them"),
    (
        f"{HEAD}{ONE}".replace(": a\n", ": a/b\n"),
        "v.yaml:3:11: error: a vector's name has letters, digits, '.', '_' and '-' only, and 'a/b' has others",
    ),
    (
        f"{HEAD}{ONE}".replace("request", "up"),
        "v.yaml:4:16: error: the direction is request (of a client) or response (of a server), not 'up'",
    ),
    (
        f"{HEAD}{ONE}".replace("ab", "|\n      ab\n      c# odd"),
        "v.yaml:7:1: error: it has 3 hex digits, and a byte has two",
    ),
    (
        f"{HEAD}{ONE}".replace("ab", "|\n      ab\n      0x"),
        "v.yaml:7:1: error: 'x' is no hex digit; comments begin with #",
    ),
    (f"{HEAD}{ONE}".replace("ab", "[ab, '']"), "v.yaml:5:15: error: it has no bytes"),
    (f"{HEAD}{ONE}".replace("ab", "[]"), "v.yaml:5:10: error: it has no bytes"),
    (
        f"{HEAD}{ONE}".replace("ab", "'ab # the rest\n      cd'"),
        "v.yaml:5:10: error: hex with comments is written as a block (hex: |), or as a list of lines",
    ),
    (f"{HEAD}{ONE}    answers: cd\n", "v.yaml:6:14: error: a request answers nothing; answers belongs to a response"),
    (
        f"{HEAD}{ONE}    expect: {{request_id: soon}}\n",
        "v.yaml:6:26: error: 'soon' is no whole number; write it in decimal, or in hex as 0x1f",
    ),
    (f"{HEAD}{ONE}    expect: {{response_status: fine}}\n", "v.yaml:6:31: error: 'fine' is none of OK, ERROR"),
    (f"{HEAD}{ONE}    expect: {{strings: [a]}}\n", "v.yaml:6:23: error: strings is a mapping of keys to values"),
    (
        f"{HEAD}{ONE}    expect: {{strings: {{a: 1, A: 2}}}}\n",
        "v.yaml:6:30: error: 'A' is here twice; keys are the same in upper and lower case",
    ),
    (f"{HEAD}{ONE}    expect: {{operation_name: [a]}}\n", "v.yaml:6:30: error: this is text, not a list"),
    (f"{HEAD}{ONE}    encode: {{request_id: 1}}\n", "v.yaml:6:13: error: encode has no hex; write it"),
    ("a: [\n", "v.yaml:2:1: error: this is no YAML: while parsing a flow node did not find expected node content"),
    ("a: \x00\n", "v.yaml:1:1: error: this is no YAML: control characters are not allowed"),
    ("[" * 5000, "v.yaml:1:1: error: lists and mappings nest deeper than 16 levels"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[sentence[:60] for _, sentence in WRONG])
def test_what_is_wrong_is_said_with_its_line(text: str, sentence: str) -> None:
    assert findings(text) == [sentence]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    text = f"{HEAD}  - name: a b\n    direction: up\n    hex: a\n"
    assert [line.split(":")[1] for line in findings(text)] == ["3", "4", "5"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{\n  'a': 1}", "v.json:2:3: error: this is no JSON: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "v.json: error: lists and mappings nest too deep"),
        (
            '{"schema_version": 1, "vectors": [\n7]}',
            (
                "v.json:2:1: error: a vector is a mapping with the keys name, direction, hex, expect, answers, encode, "
                "provenance, not '7'"
            ),
        ),
    ],
)
def test_json_that_is_wrong_is_said_with_its_line(text: str, sentence: str) -> None:
    assert findings(text, "v.json")[0] == sentence


def test_a_file_that_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml: error: cannot be read: No such file"):
        load_vectors(tmp_path / "gone.yaml")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"schema_version: 1\ncodec: \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml:2:1: error: byte 0xe9 is not UTF-8"):
        load_vectors(latin)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metaprotocol_sdk.conformance.vectors.reader.MAX_SIZE", 1 << 20)
    path = tmp_path / "large.yaml"
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(ConfigError, match="has more than 1 MiB; split it"):
        load_vectors(path)
