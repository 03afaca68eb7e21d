from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import Subject, Verdict, find_subject, foreign_codec, run
from metaprotocol_sdk.conformance.foreign.subject import foreign_subject
from metaprotocol_sdk.conformance.suite import make_codec
from metaprotocol_sdk.exceptions import ConformanceError
from tests.conformance.foreign.helpers import answering
from tests.conformance.right_codecs import RIGHT


def test_a_program_takes_the_place_of_the_codec_and_of_nothing_else(tmp_path: Path) -> None:
    subject = Subject(RIGHT["tiny"].factory, RIGHT["tiny"].requests, None, vectors=tmp_path)
    foreign = foreign_subject(subject, answering("{}"))
    assert (foreign.requests, foreign.responses, foreign.vectors) == (subject.requests, None, tmp_path)
    assert make_codec(foreign).name == "far"


def test_one_process_serves_every_codec_that_is_made() -> None:
    factory = foreign_codec(answering('{"data": str(os.getpid()) * 2}'))
    one, two = factory(), factory(max_message_size=9)
    assert one._far_side is two._far_side
    assert two.max_message_size == 9


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("", "the foreign codec's command is empty; name the program that answers"),
        ("'./codec", "the foreign codec's command \"'./codec\" cannot be read: No closing quotation"),
    ],
)
def test_a_command_that_is_none_is_said_at_once(command: str, sentence: str) -> None:
    with pytest.raises(ConformanceError) as caught:
        foreign_codec(command)
    assert str(caught.value) == sentence


def test_a_program_that_cannot_be_started_is_said_in_a_sentence(tmp_path: Path) -> None:
    target = f"awesomerpc@{tmp_path / 'gone'} --flag"
    with pytest.raises(
        ConformanceError, match=r"the foreign codec '.*gone' cannot be started: No such file or directory"
    ):
        make_codec(find_subject(target))


def test_a_program_that_does_not_say_hello_cannot_be_judged() -> None:
    subject = foreign_subject(RIGHT["tiny"], ["true"])
    with pytest.raises(ConformanceError, match=r"crash: .*it ended with exit code 0 when it was asked hello"):
        make_codec(subject)


@pytest.mark.parametrize(("answer", "kind"), [("os.abort()", "crash"), ("7", "garbage")])
def test_a_fault_of_the_far_side_is_no_broken_law(answer: str, kind: str) -> None:
    subject = foreign_subject(RIGHT["tiny"], answering(answer))
    report = run(subject, checks=["decodes_one_message", "rejects_only_with_decode_error"], max_examples=5)
    assert [outcome.verdict for outcome in report.outcomes] == [Verdict.ERROR] * 2
    assert all(outcome.detail.startswith(f"{kind}: the far side, `") for outcome in report.outcomes)
    assert report.exit_code == 2
