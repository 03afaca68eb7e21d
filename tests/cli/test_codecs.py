"""``metaproto codecs``."""

from __future__ import annotations

import json

import pytest

from metaprotocol_sdk.cli import codecs
from metaprotocol_sdk.registry import Registration
from tests.cli.helpers import run
from tests.helpers import TinyCodec


class NoIds(TinyCodec):
    name = "no_ids"
    request_ids = range(0)


FOUND = [
    Registration("broken", "broken.codec:Codec", "broken 0.1", None, "importing broken.codec:Codec fails with X: y"),
    Registration("no_ids", "no_ids:NoIds", "", NoIds),
    Registration("tiny", "a_package.with_a_long_name.codec:TinyCodec", "tiny-project 1.2", TinyCodec),
]


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[Registration]:
    found = list(FOUND)
    monkeypatch.setattr(codecs, "registrations", lambda: found)
    return found


@pytest.mark.usefixtures("registered")
def test_text_shows_each_codec_aligned_within_80_columns() -> None:
    result = run("codecs")
    assert result.exit_code == 0
    assert result.stdout == (
        "broken\n"
        "    id      aeraki.meta_protocol.codec.broken\n"
        "    class   broken.codec:Codec\n"
        "    from    broken 0.1\n"
        "    broken  importing broken.codec:Codec fails with X: y\n"
        "\n"
        "no_ids\n"
        "    id      aeraki.meta_protocol.codec.no_ids\n"
        "    class   no_ids:NoIds\n"
        "    ids     none: replies pair with requests by order, no multiplexing\n"
        "\n"
        "tiny\n"
        "    id      aeraki.meta_protocol.codec.tiny\n"
        "    class   a_package.with_a_long_name.codec:TinyCodec\n"
        "    from    tiny-project 1.2\n"
        "    ids     0 to 65535: multiplexing over one connection is possible\n"
    )


@pytest.mark.usefixtures("registered")
def test_json_says_the_same_to_programs() -> None:
    result = run("codecs", "--format", "json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["schema_version"] == 1
    assert document["codecs"][0]["problem"] == "importing broken.codec:Codec fails with X: y"
    assert document["codecs"][1]["request_ids"] is None
    assert document["codecs"][2] == {
        "name": "tiny",
        "id": "aeraki.meta_protocol.codec.tiny",
        "target": "a_package.with_a_long_name.codec:TinyCodec",
        "distribution": "tiny-project 1.2",
        "request_ids": {"first": 0, "last": 65535},
        "multiplexing": True,
        "problem": None,
    }


def test_none_registered_is_said_on_stderr(registered: list[Registration]) -> None:
    registered.clear()
    result = run("codecs")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "No codec is registered." in result.stderr
    assert "`metaproto new`" in result.stderr
    assert json.loads(run("codecs", "--format", "json").stdout)["codecs"] == []


def test_a_plug_in_that_prints_while_it_is_imported_spoils_no_json(monkeypatch: pytest.MonkeyPatch) -> None:
    def talkative() -> list[Registration]:
        print("hello from the import")
        return list(FOUND)

    monkeypatch.setattr(codecs, "registrations", talkative)
    result = run("codecs", "--format", "json")
    assert json.loads(result.stdout)["codecs"]
    assert result.stderr == "hello from the import\n"


def test_an_id_range_of_64_bits_is_shown(registered: list[Registration]) -> None:
    wide = type("Wide", (TinyCodec,), {"request_ids": range(1, 1 << 64)})
    registered[:] = [Registration("wide", "m:Wide", "", wide)]
    assert f"1 to {(1 << 64) - 1}" in run("codecs").stdout
