from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.comparison.plan import Cell, proxies_of
from benchmarks.comparison.plot import nice_top, plot
from tests.benchmarks.helpers import run_of

SVG = "{http://www.w3.org/2000/svg}"
NAMES = proxies_of("thrift")


def drawn() -> ET.Element:
    cells = [Cell("thrift", body, 1, count) for body in (100, 4096) for count in (1, 16, 64)]
    closed = {
        cell: {name: [run_of(20 + number), run_of(24 + number)] for number, name in enumerate(NAMES)} for cell in cells
    }
    return ET.fromstring(plot(closed, NAMES, "a < title"))


def test_a_panel_for_each_size_of_bodies_with_a_line_for_each_proxy() -> None:
    panels = drawn().findall(f"{SVG}g")
    assert len(panels) == 2
    for panel in panels:
        lines = panel.findall(f"{SVG}polyline")
        assert len({line.get("stroke") for line in lines}) == len(NAMES)
        assert {len(line.get("points", "").split()) for line in lines} == {3}


def test_the_title_and_every_proxy_are_named() -> None:
    texts = [each.text for each in drawn().iter(f"{SVG}text")]
    assert "a < title" in texts
    assert set(NAMES) <= set(texts)


def test_every_point_is_inside_its_panel() -> None:
    for circle in drawn().iter(f"{SVG}circle"):
        assert 0 <= float(circle.get("cx", "-1")) <= 300
        assert 0 <= float(circle.get("cy", "-1")) <= 200


@pytest.mark.parametrize(("highest", "top"), [(1, 1), (1.01, 1.2), (26.3, 30), (112, 120), (61, 80), (99, 100)])
def test_an_axis_ends_at_a_round_number(highest: float, top: float) -> None:
    assert nice_top(highest) == pytest.approx(top)


@given(st.floats(min_value=0.001, max_value=1e6))
def test_an_axis_has_room_for_the_highest_and_not_much_more(highest: float) -> None:
    assert highest <= nice_top(highest) * (1 + 1e-9)
    assert nice_top(highest) <= 1.5 * highest * (1 + 1e-9)
