"""``metaproto doctor``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from metaprotocol_sdk.cli import doctor
from metaprotocol_sdk.doctor import Diagnosis, Status
from tests.cli.helpers import run

OK = Diagnosis("python", Status.OK, "CPython 3.11.7")
NOTE = Diagnosis("dependency uvloop", Status.NOTE, "not installed", "To have it: pip install uvloop")
PROBLEM = Diagnosis("codec bad", Status.PROBLEM, "importing " + "x" * 30 + " fails with KeyError: 'y'", "Mend it.")


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[object]]:
    """Makes the doctor find these; gives the list of configuration files it was asked about."""

    def find(*found: Diagnosis) -> list[object]:
        asked: list[object] = []

        def examine(config: object) -> Iterator[Diagnosis]:
            asked.append(config)
            return iter(found)

        monkeypatch.setattr(doctor, "examine", examine)
        return asked

    return find


def test_all_well_is_exit_0(findings: Callable[..., list[object]]) -> None:
    findings(OK, NOTE)
    result = run("doctor")
    assert result.exit_code == 0
    assert result.stdout == (
        "ok       python: CPython 3.11.7\n"
        "note     dependency uvloop: not installed\n"
        "         To have it: pip install uvloop\n"
        "All is well.\n"
    )


def test_a_problem_is_exit_1_with_what_to_do(findings: Callable[..., list[object]]) -> None:
    findings(OK, PROBLEM)
    result = run("doctor")
    assert result.exit_code == 1
    assert result.stdout.endswith(
        "problem  codec bad: importing xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx fails with\n"
        "         KeyError: 'y'\n"
        "         Mend it.\n"
        "1 problem to mend.\n"
    )


def test_quiet_shows_what_is_not_well(findings: Callable[..., list[object]]) -> None:
    findings(OK, PROBLEM, PROBLEM)
    result = run("doctor", "-q")
    assert "python" not in result.stdout
    assert result.stdout.count("Mend it.") == 2
    assert "2 problems to mend." in result.stdout


def test_json_says_the_same_to_programs(findings: Callable[..., list[object]]) -> None:
    findings(OK, PROBLEM)
    result = run("doctor", "--format", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["schema_version"], document["ok"]) == (1, False)
    assert document["checks"] == [
        {"check": "python", "status": "ok", "detail": "CPython 3.11.7", "remedy": None},
        {"check": "codec bad", "status": "problem", "detail": PROBLEM.detail, "remedy": "Mend it."},
    ]


@pytest.mark.parametrize(("args", "config"), [([], None), (["-c", "p.yaml"], "p.yaml"), (["--config-path", "-"], "-")])
def test_a_configuration_file_is_handed_on(
    findings: Callable[..., list[object]], args: list[str], config: str | None
) -> None:
    asked = findings(OK)
    run("doctor", *args)
    assert asked == [config]


def test_here_and_now_the_doctor_finds_its_own_installation() -> None:
    document = json.loads(run("doctor", "--format", "json").stdout)
    checks = {each["check"]: each for each in document["checks"]}
    assert checks["dependency click"]["status"] == "ok"
    assert all(each["remedy"] for each in checks.values() if each["status"] == "problem")
