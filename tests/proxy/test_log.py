from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from metaprotocol_sdk.proxy.log import LOGGER_NAME, MOST_KINDS, RepeatFilter, configure
from tests.proxy.fakes import FakeClock


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.handlers, logger.level, logger.propagate
    yield logger
    logger.handlers, logger.level, logger.propagate = before


def test_text_is_one_line_whatever_it_holds(logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(stream=out, now=FakeClock())
    logger.warning("client said %s", "a\nb\x1b[31m")
    line = out.getvalue()
    assert line.count("\n") == 1
    assert line.endswith(" warning client said a b [31m\n")
    assert line[:2] == "20"


def test_json_is_one_object_a_line(logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(form="json", stream=out, now=FakeClock())
    logger.error("listener %s", "ünï\n")
    found = json.loads(out.getvalue())
    assert found["level"] == "error"
    assert found["message"] == "listener ünï "
    assert found["logger"] == LOGGER_NAME
    assert found["time"].endswith("Z")


def test_what_is_below_the_level_is_not_written(logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(level="error", stream=out, now=FakeClock())
    logger.warning("hidden")
    logger.error("seen")
    assert out.getvalue().count("\n") == 1


def test_configuring_twice_writes_once(logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(stream=io.StringIO(), now=FakeClock())
    configure(stream=out, now=FakeClock())
    logger.info("once")
    assert out.getvalue().count("once") == 1


@pytest.mark.parametrize("wrong", [{"form": "xml"}, {"level": "loud"}])
def test_an_unknown_form_or_level_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        configure(stream=io.StringIO(), now=FakeClock(), **wrong)


def test_repeats_are_counted_and_the_next_window_says_how_many(logger: logging.Logger) -> None:
    out, clock = io.StringIO(), FakeClock()
    configure(stream=out, now=clock)
    for client in range(20):
        logger.warning("garbage from %d", client)
    assert out.getvalue().count("garbage") == 5
    clock.time += 61
    logger.warning("garbage from %d", 20)
    assert out.getvalue().splitlines()[-1].endswith("garbage from 20 (15 more like this in the last minute)")


def test_kinds_are_forgotten_before_they_are_too_many() -> None:
    clock = FakeClock()
    repeat = RepeatFilter(clock, burst=1)

    def passes(text: str) -> bool:
        return repeat.filter(logging.LogRecord("x", logging.WARNING, "f", 1, text, None, None))

    for number in range(MOST_KINDS - 1):
        assert passes(f"old {number}")
    clock.time += 61
    assert passes("new")
    assert passes("newer")
    assert len(repeat._seen) == 2
    assert not passes("new")
    for number in range(3 * MOST_KINDS):
        assert passes(f"many {number}")
        assert len(repeat._seen) <= MOST_KINDS


def test_other_kinds_and_mere_information_are_not_held_back() -> None:
    repeat = RepeatFilter(FakeClock(), burst=1)

    def passes(level: int, text: str) -> bool:
        return repeat.filter(logging.LogRecord("x", level, "f", 1, text, None, None))

    assert passes(logging.WARNING, "a")
    assert not passes(logging.WARNING, "a")
    assert passes(logging.WARNING, "b")
    assert all(passes(logging.INFO, "c") for _ in range(9))


def test_an_exception_is_told_by_its_place_and_not_by_what_it_held(logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(stream=out, now=FakeClock())
    try:
        int("secret")
    except ValueError:
        logger.exception("a bug")
    assert "a bug | ValueError at " in out.getvalue()
    assert "test_log.py" in out.getvalue()
    assert "secret" not in out.getvalue()


@pytest.mark.parametrize(("worker", "said"), [(None, " info hello\n"), (2, " info worker 2: hello\n")])
def test_a_line_of_a_worker_has_its_number(worker: int | None, said: str, logger: logging.Logger) -> None:
    out = io.StringIO()
    configure(stream=out, now=FakeClock(), worker=worker)
    logger.info("hello")
    assert out.getvalue().endswith(said)
    out = io.StringIO()
    configure(form="json", stream=out, now=FakeClock(), worker=worker)
    logger.info("hello")
    assert json.loads(out.getvalue()).get("worker") == worker
