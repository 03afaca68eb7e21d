from __future__ import annotations

import re

from metaprotocol_sdk.conformance.report.style import CSS, JS
from tests.conformance.report.test_html import page


def test_every_class_of_the_page_is_styled() -> None:
    used = {name for names in re.findall(r'class="([^"]+)"', page()) for name in names.split()}
    styled = set(re.findall(r"\.([a-z][a-z0-9]*)", CSS))
    assert used <= styled


def test_every_colour_has_a_value_in_the_light_and_in_the_dark() -> None:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    names = set(re.findall(r"var\((--[a-z0-9]+)\)", CSS)) - {"--edge"}
    for scheme in (light, dark):
        assert names <= set(re.findall(r"(--[a-z0-9]+):", scheme))


def test_the_style_and_the_script_can_stand_in_the_page() -> None:
    assert "<" not in CSS
    assert "</" not in JS
