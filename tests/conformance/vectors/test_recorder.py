from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import DecodeStatus
from metaprotocol_sdk.conformance.subject import Sample
from metaprotocol_sdk.conformance.vectors.reader import load_vectors
from metaprotocol_sdk.conformance.vectors.recorder import add_vector, describe_bytes
from metaprotocol_sdk.conformance.vectors.vector import Vector
from metaprotocol_sdk.exceptions import ConformanceError, DecodeError
from metaprotocol_sdk.metadata import MessageType, Metadata
from tests.helpers import TinyCodec, tiny

WIRE = tiny(b"hi", request_id=7)
REQUEST = MessageType.REQUEST


def test_what_is_recorded_is_what_decode_finds() -> None:
    vector = describe_bytes(
        TinyCodec(), tiny(b"hi", request_id=7, status=1), side=MessageType.RESPONSE, provenance="me"
    )
    assert (vector.side, vector.provenance) == (MessageType.RESPONSE, "me")
    assert {name: getattr(value, "name", value) for name, value in vector.sample.facts.items()} == {
        "request_id": 7,
        "message_type": "RESPONSE",
        "operation_name": "tiny",
        "response_status": "ERROR",
        "header_size": 6,
        "body_size": 2,
    }


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (WIRE[:-1], 7, "7 bytes are no whole message: the codec waits for more"),
        (WIRE + b"x", 8, "1 bytes follow the message; a vector is one message"),
        (b"\x00" * 9, 0, "the magic is 0x0, not 0xab"),
    ],
)
def test_what_is_not_one_message_is_refused(data: bytes, offset: int, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        describe_bytes(TinyCodec(), data, side=REQUEST)
    assert (caught.value.offset, caught.value.reason) == (offset, reason)


@pytest.mark.parametrize("name", ["v.yaml", "v.json"])
def test_vectors_are_appended_and_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / "new" / name
    codec = TinyCodec()
    recorded = describe_bytes(codec, WIRE, side=REQUEST, provenance='the "C++" client\u2028\x1b \U0001f642')
    added = [
        add_vector(path, each, codec, codec_name="package.module:Tiny")
        for each in (recorded, replace(recorded, name="special"), replace(recorded, side=MessageType.RESPONSE))
    ]
    assert [each.name for each in added] == ["request-1", "special", "response-1"]
    file = load_vectors(path)
    assert file.codec == "package.module:Tiny"
    assert list(file.vectors) == added
    assert [replace(each, name="", side=REQUEST, file=Path(), line=0) for each in added] == [recorded] * 3


def test_what_is_in_a_yaml_file_stays_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    before = "# ours\nschema_version: 1\nvectors: # all\n- {name: a, direction: request, hex: ab}  # odd\n"
    path.write_text(before)
    add_vector(path, describe_bytes(TinyCodec(), WIRE, side=REQUEST), TinyCodec())
    assert path.read_text().startswith(before + "- name: request-1\n  direction: request\n  hex: |\n    ab 00 00 07")
    assert [each.name for each in load_vectors(path).vectors] == ["a", "request-1"]


@pytest.mark.parametrize(
    "text",
    [
        "vectors: [{name: a, direction: request, hex: ab}]\nschema_version: 1\n",
        "schema_version: 1\nvectors: [{name: a, direction: request, hex: ab}]\n",
        "schema_version: 1\nvectors:\n  - {name: a, direction: request, hex: ab}",
    ],
)
def test_a_file_without_a_place_to_append_to_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "v.yaml"
    path.write_text(text)
    with pytest.raises(ConformanceError, match="has no place to append a vector to; end it with the key vectors"):
        add_vector(path, describe_bytes(TinyCodec(), WIRE, side=REQUEST), TinyCodec())
    assert path.read_text() == text


def test_names_are_good_and_free(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    recorded = describe_bytes(TinyCodec(), WIRE, side=REQUEST)
    add_vector(path, replace(recorded, name="a"), TinyCodec())
    with pytest.raises(ConformanceError, match="has a vector 'a' already; give this one another name"):
        add_vector(path, replace(recorded, name="a"), TinyCodec())
    with pytest.raises(ConformanceError, match="'a b' is no name of a vector"):
        add_vector(path, replace(recorded, name="a b"), TinyCodec())


class Says(TinyCodec):
    """Finds one string in every message."""

    text = ""

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        status = super().decode(buffer, metadata)
        metadata[self.text or "k"] = metadata.operation_name = self.text
        return status


@given(st.text(st.characters(exclude_categories=["Cs"])))
@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_any_text_that_decode_finds_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, text: str
) -> None:
    path = tmp_path_factory.mktemp("any") / f"v{suffix}"
    codec = type("Says", (Says,), {"text": text})()
    recorded = describe_bytes(codec, WIRE, side=REQUEST)
    assert add_vector(path, recorded, codec).sample == recorded.sample


def test_text_that_no_file_can_hold_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "v.yaml"
    vector = Vector(name="a", side=REQUEST, sample=Sample(WIRE, operation_name="\udc80"))
    with pytest.raises(ConformanceError, match="would not be readable with this vector in it"):
        add_vector(path, vector, TinyCodec())
    assert not path.exists()
