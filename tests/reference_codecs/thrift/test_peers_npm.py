"""The codec between npm's library and the others', without a connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reference_codecs.thrift.frame import Kind
from tests.reference_codecs.thrift.helpers import CODEC, listen
from tests.reference_codecs.thrift.peers.talk import FORMS
from tests.reference_codecs.thrift.processes import needs_node

pytest.importorskip("thrift", reason="Apache Thrift for Python is not installed")
pytest.importorskip("thriftpy2", reason="thriftpy2 is not installed")

from tests.reference_codecs.thrift.libraries import (
    LIBRARIES,
    SIDES,
    Apache,
    Message,
    decoded,
    is_json,
    npm,
    plain,
    rewritten,
)
from tests.reference_codecs.thrift.peers import apache

pytestmark = needs_node


def targets_of(form: str) -> Iterator[str]:
    """The forms of npm's library that a message of a form can be written in."""
    for target in FORMS["node"]:
        # A compressed message stays compressed, and npm's library has no transforms.
        if is_json(form) is is_json(target) and not (form.startswith("zlib") and target.startswith("header")):
            yield target


def hexed(value: Any) -> Any:
    """A message's value as ``messages.js`` has it."""
    return json.loads(json.dumps(value, default=bytes.hex))


def test_what_npms_library_writes_is_read_by_the_others_and_by_itself_in_every_other_form() -> None:
    messages = npm("write")
    each_form = len(messages) // len(FORMS["node"])
    assert [each["form"] for each in messages[::each_form]] == list(FORMS["node"])
    understood = {
        (each["form"], at % each_form): said
        for at, (each, said) in enumerate(zip(messages, npm("read", messages), strict=True))
    }
    changed, wanted = [], []
    for at, message in enumerate(messages):
        form, kind, headers = message["form"], Kind(message["kind"]), message["headers"]
        for target in targets_of(form):
            (metadata,) = listen(bytes.fromhex(message["hex"]), SIDES[kind], 100)
            assert {key: metadata[key] for key in headers} == headers
            data = rewritten(metadata, target, 1000 + at)
            said, _ = Apache().read(target, data)
            assert (said.name, said.kind, said.seqid) == (message["name"], kind, 1000 + at)
            assert hexed(said.value) == message["value"]
            changed.append({"form": target, "hex": data.hex()})
            # As it understands its own message of that form: compact lists of booleans it reads as false.
            wanted.append(
                understood[target, at % each_form]
                | {"seqid": 1000 + at, "headers": headers if target.startswith("header") else {}}
            )
    assert npm("read", changed) == wanted


def test_npms_library_reads_what_the_others_wrote_in_every_other_form() -> None:
    item = plain(apache.an_item(has_flags=False))
    messages = [
        Message("echo", Kind.CALL, 5, {"item": item}),
        Message("echo", Kind.REPLY, 5, {"success": item}),
        Message("fail", Kind.EXCEPTION, 5, "no"),
    ]
    changed, wanted = [], []
    for library in LIBRARIES:
        for form in FORMS[library.name]:
            for target in targets_of(form):
                for message in messages:
                    metadata = decoded(library, form, message, CODEC)
                    changed.append({"form": target, "hex": rewritten(metadata, target, 7).hex()})
                    said = {"name": message.name, "kind": message.kind, "seqid": 7, "value": hexed(message.value)}
                    wanted.append({"form": target, "headers": {}, **said})
    assert npm("read", changed) == wanted
