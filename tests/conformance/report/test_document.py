from __future__ import annotations

import json
from pathlib import Path

from metaprotocol_sdk.conformance import Case
from metaprotocol_sdk.conformance.report import to_json
from tests.conformance.report.outcomes import CASE, EVERY_KIND, REPORT


def test_json_has_every_law_and_what_replays_a_failure() -> None:
    told = to_json(REPORT, target="t", saved={"split_invariance": Path("f.json")})
    assert json.loads(json.dumps(told)) == told
    assert (told["schema_version"], told["codec"], told["ok"]) == (1, "tiny", False)
    passed, failed, skipped = told["laws"]
    assert (passed["name"], passed["verdict"], passed["cases"]) == ("decodes_one_message", "passed", 1)
    assert (skipped["verdict"], skipped["detail"]) == ("skipped", "no ids")
    assert Case.from_json(failed["case"]) == CASE
    assert failed["replay"] == "metaproto conformance t --replay f.json"


def test_json_says_what_each_verdict_means_for_the_run() -> None:
    told = to_json(EVERY_KIND, target="t", saved={})
    assert (told["exit_code"], told["seed"], told["max_examples"], told["strict"]) == (1, 7, 200, False)
    assert [each["standing"] for each in told["laws"]] == [
        "passed",
        "failed",
        "skipped",
        "error",
        "advised",
        "known failing",
        "unexpectedly passed",
    ]
    assert sum(told["counts"].values()) == len(told["laws"])
