"""The far side in Python: the laws say of a codec that is served what they say of the codec itself."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import pytest

from metaprotocol_sdk.conformance import find_subject, run
from metaprotocol_sdk.conformance.foreign.subject import foreign_subject
from metaprotocol_sdk.conformance.foreign.wire import from_frame, to_frame
from metaprotocol_sdk.conformance.serve import FarSideOf, main, serve
from tests.conformance.right_codecs import RIGHT, RememberingCodec
from tests.helpers import TinyCodec, tiny

LAWS = ["decodes_one_message", "split_invariance", "carries_the_request_id", "mutation_is_applied", "bounds_the_length"]


def asked(codec: Any, **question: Any) -> dict[str, Any]:
    values = {"max_message_size": 99, "side": "REQUEST", "request": None, "mutation": []} | question
    return FarSideOf(codec).answer(json.loads(json.dumps(values)))


def test_a_served_codec_is_judged_as_the_codec_itself() -> None:
    served = [sys.executable, "-m", "metaprotocol_sdk.conformance.serve", "awesomerpc"]
    subject = find_subject("awesomerpc")
    near, far = (run(each, checks=LAWS, max_examples=8) for each in (subject, foreign_subject(subject, served)))
    assert [each.verdict for each in far.outcomes] == [each.verdict for each in near.outcomes]
    assert far.exit_code == 0


@pytest.mark.parametrize("name", ["tests.conformance.test_serve:KeepsItsId", "tests.conformance.test_serve:Raises"])
def test_a_broken_codec_breaks_the_same_law_when_it_is_served(name: str) -> None:
    served = [sys.executable, "-m", "metaprotocol_sdk.conformance.serve", name]
    law = {"KeepsItsId": "carries_the_request_id", "Raises": "rejects_only_with_decode_error"}[name.partition(":")[2]]
    report = run(foreign_subject(RIGHT["tiny"], served), checks=[law], max_examples=20)
    assert report.exit_code == 1, report.outcomes[0].detail


class KeepsItsId(TinyCodec):
    def encode(self, metadata: Any, mutation: Any, buffer: Any) -> None:
        buffer.append(metadata.origin_message)


class Raises(TinyCodec):
    def decode(self, buffer: Any, metadata: Any) -> Any:
        if buffer.peek(1) not in (b"", b"\xab"):
            raise KeyError(buffer.peek(1))
        print("a codec that prints spoils no answer")
        return super().decode(buffer, metadata)


def test_each_question_has_its_answer() -> None:
    wire = tiny(b"hi", request_id=7)
    assert asked(TinyCodec, op="hello") == {
        "protocol": 1,
        "name": "tiny",
        "request_ids": [0, 65535],
        "rewrites": False,
        "also": ["fields"],
    }
    assert asked(TinyCodec, op="decode", data=wire[:3].hex()) == {"status": "WAIT_FOR_DATA", "taken": 0, "needed": 6}
    done = asked(TinyCodec, op="decode", data=(wire + b"x").hex())
    assert (done["status"], done["taken"], done["metadata"]["request_id"]) == ("DONE", 8, 7)
    assert asked(TinyCodec, op="encode", message=wire.hex(), request_id=9) == {"data": tiny(b"hi", request_id=9).hex()}
    error = {"error_type": "OVER_LIMIT", "error_message": "no", "flag": "RL"}
    assert asked(TinyCodec, op="on_error", request=wire.hex(), request_id=9, **error) == {
        "data": tiny(b"no", request_id=9, status=6).hex()
    }
    assert asked(TinyCodec, op="fields", data="ab")["fields"] == [
        {"name": "message", "start": 0, "end": 1, "value": "b'\\xab'", "problem": ""}
    ]


def test_refusals_say_what_they_are() -> None:
    assert asked(TinyCodec, op="decode", data="00" * 6) == {
        "error": "decode",
        "reason": "the magic is 0x0, not 0xab",
        "path": "magic",
        "offset": 0,
    }
    refused = asked(TinyCodec, op="encode", message=tiny().hex(), request_id=0, mutation=[["k", "v"]])
    assert refused == {"error": "encode", "reason": "this protocol has no headers", "key": "k"}
    assert asked(TinyCodec, op="sing")["error"] == "exception"
    assert asked(Raises, op="decode", data="00") == {"error": "exception", "reason": "KeyError: b'\\x00'"}


def test_an_origin_message_that_is_not_what_was_taken_is_an_exception() -> None:
    class Cuts(TinyCodec):
        def decode(self, buffer: Any, metadata: Any) -> Any:
            status = super().decode(buffer, metadata)
            metadata.origin_message = metadata.origin_message[:-1]
            return status

    assert (
        asked(Cuts, op="decode", data=tiny().hex())["reason"]
        == "ValueError: origin_message is not the bytes that were taken"
    )


def test_a_reply_is_encoded_with_its_request() -> None:
    class Looks(TinyCodec):
        def encode(self, metadata: Any, mutation: Any, buffer: Any) -> None:
            buffer.append(metadata.request.origin_message)

    request = tiny(b"asked").hex()
    assert asked(Looks, op="encode", side="RESPONSE", message=tiny().hex(), request_id=0, request=request) == {
        "data": request
    }


def test_a_codec_with_state_for_each_connection_is_refused() -> None:
    with pytest.raises(ValueError, match="keeps state for each connection"):
        FarSideOf(RememberingCodec)


def test_questions_are_answered_until_they_end() -> None:
    questions = io.BytesIO(to_frame({"op": "hello"}) * 2 + b"\0")
    answers = io.BytesIO()
    serve(TinyCodec, questions, answers)
    half = len(answers.getvalue()) // 2
    assert from_frame(answers.getvalue()[:half])["name"] == "tiny"


def test_a_question_that_is_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="is over the limit"):
        serve(TinyCodec, io.BytesIO(b"\xff" * 4), io.BytesIO())


def test_wrong_usage_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "usage: python -m metaprotocol_sdk.conformance.serve NAME" in capsys.readouterr().err
    done = subprocess.run(
        [sys.executable, "-m", "metaprotocol_sdk.conformance.serve", "nosuch"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no codec is named 'nosuch'")
