from __future__ import annotations

from html.parser import HTMLParser

import pytest

from metaprotocol_sdk.proxy.admin.commands import COMMANDS
from metaprotocol_sdk.proxy.admin.operated import State
from metaprotocol_sdk.proxy.config.values import NodeConfig
from tests.proxy.admin.fakes import FakeOperated, ask

VOID = {"meta", "input"}


class Page(HTMLParser):
    """Every element, and whether they are nested as they must be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for found, attrs in self.found if found == tag]


def test_every_command_is_a_form_with_its_method_and_parameters() -> None:
    page = Page(ask("/").body)
    forms = {form["action"]: form for form in page.all("form")}
    assert forms.keys() == {each.path for each in COMMANDS}
    for each in COMMANDS:
        form = forms[each.path]
        assert form["method"] == ("post" if each.is_change else "get")
        fields = [*page.all("input"), *page.all("select")]
        names = {field["name"] for field in fields if field["form"] == form["id"]}
        assert names == {parameter.name for parameter in each.parameters}
    assert len({form["id"] for form in page.all("form")}) == len(COMMANDS)


def test_it_loads_nothing_and_runs_nothing() -> None:
    page = Page(ask("/").body)
    assert {tag for tag, _ in page.found} & {"script", "link", "img", "iframe"} == set()
    assert "default-src 'none'" in ask("/").headers["content-security-policy"]


def test_a_name_cannot_be_markup() -> None:
    proxy = FakeOperated()
    proxy.node = NodeConfig(id="<b>\"&'")
    assert "node &lt;b&gt;&quot;&amp;&#x27;" in ask("/", proxy).body


@pytest.mark.parametrize(("seconds", "said"), [(5.2, "up 5 s<"), (65, "up 1 min 5 s<"), (3725, "up 1 h 2 min<")])
def test_it_says_its_state_and_how_long_it_has_run(seconds: float, said: str) -> None:
    proxy = FakeOperated()
    proxy.uptime = seconds
    assert said in ask("/", proxy).body
    assert '<b class="live">LIVE</b>' in ask("/", proxy).body
    proxy.state = State.DRAINING
    assert "<b>DRAINING</b>" in ask("/", proxy).body
