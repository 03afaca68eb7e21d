"""The tutorial works, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.registry import codec_names
from tests.docs.transcript import Transcript

TUTORIAL = Path(__file__).parents[2] / "docs/tutorial/first-protocol.md"


@pytest.mark.skipif("my_protocol" in codec_names(), reason="the tutorial's my-protocol is installed already")
def test_every_command_prints_what_the_tutorial_shows(tmp_path: Path) -> None:
    with Transcript(TUTORIAL, tmp_path) as transcript:
        assert transcript.run() > 10
