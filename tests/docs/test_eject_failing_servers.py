"""The page about ejecting servers works, word for word, and lists what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.cluster.circuit_breaker import CircuitBreaker
from metaprotocol_sdk.proxy.cluster.outlier_detector import OutlierStats
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, OutlierDetectionConfig
from metaprotocol_sdk.proxy.metrics import ClusterStats, Counters
from metaprotocol_sdk.registry import codec_names
from tests.docs.transcript import Transcript

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to/eject-failing-servers.md"
PRINTED = re.compile(r"<!-- printed by %(\d+) -->\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif("my_protocol" in codec_names(), reason="a my-protocol is installed already")
def test_every_command_prints_what_the_page_shows(tmp_path: Path) -> None:
    with Transcript(PAGE, tmp_path) as transcript:
        assert transcript.run() > 5
    [(number, text)] = PRINTED.findall(transcript.text)
    printed = transcript.printed[int(number)]
    for line in text.splitlines():
        assert re.search(re.escape(line).replace(r"\.\.\.", ".*"), printed), f"{line!r} is not in {printed!r}"


def test_the_configuration_is_read_without_a_note() -> None:
    found = re.search(r"^```yaml\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    config = parse_config(found[1].replace("codec.my_protocol", "codec.awesomerpc"))
    assert config.notes == ()
    assert config.clusters[0].outlier_detection is not None


def test_the_defaults_are_those_of_the_code() -> None:
    text, default = PAGE.read_text(), OutlierDetectionConfig()
    for name, value in re.findall(r"^\| `(consecutive_\w+)`, (\d+) ", text, re.MULTILINE):
        assert getattr(default, name) == int(value)
    for value, name in re.findall(r"(\d+)(?: %| servers| requests| s)? \(`(\w+)`\)", text):
        assert getattr(default, name) == int(value)
    for name, value in re.findall(r"`(\w+)` \((\d+)(?: s|, in thousandths)\)", text):
        assert getattr(default, name) == int(value)


BREAKER = CircuitBreaker(CircuitBreakersConfig(track_remaining=True), ClusterStats())


@pytest.mark.parametrize("stats", [OutlierStats(), BREAKER], ids=lambda each: type(each).__name__)
def test_every_counter_is_listed_and_no_other(stats: Counters) -> None:
    text = (DOCS / "reference/counters.md").read_text()
    table = re.search(rf"<!-- table: {type(stats).__name__} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert table is not None
    assert re.findall(r"^\| `(\w+)`", table[1], re.MULTILINE) == list(stats.snapshot())
