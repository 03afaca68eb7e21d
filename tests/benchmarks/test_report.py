from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison.plan import PEERS, TARGET_CELLS, full, proxies_of, quick
from benchmarks.comparison.processes import in_turn
from benchmarks.comparison.report import MARK, markdown, put_into, table
from benchmarks.comparison.rounds import Outcome
from tests.benchmarks.helpers import run_of


@pytest.fixture
def outcome() -> Outcome:
    found = Outcome()
    for cell in TARGET_CELLS:
        for number, name in enumerate(proxies_of(cell.protocol)):
            found.closed[cell][name] = [run_of(20 + number), run_of(30 + number)]
            found.paced[cell][name] = [run_of(20, 1 + number), run_of(20, 1 + number)]
        found.rates[cell] = 1234.0
    found.routes = {"1 route": [run_of(20)] * 2, "1,000 routes": [run_of(50)] * 2}
    for name in ("ours", "thrift_proxy"):
        found.idle[f"{name}, none idle"] = [run_of(20)] * 2
        found.idle[f"{name}, 1,000 idle"] = [run_of(22)] * 2
        found.idle_bytes[name] = [2000.0, 2100.0]
    return found


def test_targets_are_judged_by_the_median_ratio(outcome: Outcome) -> None:
    report = markdown(outcome, quick(2, ()), "a machine")
    assert "| ours: CPU time / thrift_proxy, 100 B, depth 1, 16 connections | 1.0 | 0.92 (0.91-0.94) | met |" in report
    assert "| ours, multiplexing: p99 / thrift_proxy, 100 B, depth 1, 64 connections | 1.2 | 0.67 | met |" in report
    assert "| ours: CPU time / dubbo_proxy, 100 B, depth 1, 64 connections | 1.0 | 0.92 (0.91-0.94) | met |" in report
    assert "| ours: CPU time with many routes / with one | 2.0 | 2.50 | missed |" in report


def test_every_load_and_every_proxy_is_in_the_tables(outcome: Outcome) -> None:
    report = markdown(outcome, quick(2, ()), "a machine")
    assert "| 100 B, depth 1, 16 connections | 25.0 (20.0-30.0) | 26.0 (21.0-31.0) |" in report
    assert "| 100 B, depth 1, 16 connections, 1,234/s: tcp_proxy | 5.00 |" in report
    assert "| ours | 20.0 | 22.0 | 1.10 | 2,050 (2,000-2,100) |" in report


def test_each_protocol_has_tables_of_its_own(outcome: Outcome) -> None:
    report = markdown(outcome, quick(2, ()), "a machine")
    assert report.count("### Dubbo: ") == report.count("### Thrift: ") == 3
    assert "| load | ours | ours, multiplexing | dubbo_proxy |" in report


def test_what_was_left_out_is_said(outcome: Outcome) -> None:
    assert "Left out" not in markdown(outcome, quick(2, ()), "a machine")
    assert "Left out of ours: least_request." in markdown(outcome, quick(2, ["least_request"]), "a machine")


def test_a_table_has_a_line_for_its_head_and_one_for_each_row() -> None:
    assert table(("a", "b"), [("x", "1"), ("y", "2")]) == "| a | b |\n|---|--:|\n| x | 1 |\n| y | 2 |"


def test_figures_replace_what_is_between_the_marks() -> None:
    page = f"before\n{MARK}\nold\n{MARK}\nafter\n"
    assert put_into(page, "new") == f"before\n{MARK}\n\nnew\n\n{MARK}\nafter\n"
    assert put_into(put_into(page, "new"), "newer") == put_into(page, "newer")


@pytest.mark.parametrize("page", ["nothing", f"one {MARK}"])
def test_a_page_without_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="no two lines"):
        put_into(page, "new")


def test_no_proxy_is_always_first() -> None:
    names = proxies_of("thrift")
    assert {in_turn(names, turn)[0] for turn in range(len(names))} == set(names)
    assert all(sorted(in_turn(names, turn)) == sorted(names) for turn in range(7))


def test_the_full_plan_has_every_load_of_the_quick_one() -> None:
    assert set(quick(1, ()).cells) < set(full(1, ()).cells)
    assert {cell.protocol for cell in full(1, ()).cells} == set(PEERS)


def test_the_page_has_a_place_for_the_figures() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/performance.md").read_text(encoding="utf-8")
    assert "new figures" in put_into(page, "new figures")
