from __future__ import annotations

from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import CHECKS
from metaprotocol_sdk.conformance.known_failing import load_known_failing
from metaprotocol_sdk.exceptions import ConformanceError


def test_a_list_names_laws_and_why(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("# why\n\n  split_invariance # the server stalls\nbounds_the_length\n")
    assert load_known_failing(path, CHECKS) == {"split_invariance": "the server stalls", "bounds_the_length": ""}


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "known.txt cannot be read: it is not UTF-8 text"),
        (b"\nsplit_invarience", r"known.txt:2: no law is named 'split_invarience'; did you mean 'split_invariance'\?"),
        (b"split_invariance\nsplit_invariance #x", "known.txt:2: split_invariance is listed twice"),
        (b"xyz", "known.txt:1: no law is named 'xyz'; write one name a line"),
    ],
)
def test_what_is_no_list_is_a_sentence_with_its_place(tmp_path: Path, content: bytes | None, text: str) -> None:
    path = tmp_path / "known.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConformanceError, match=text):
        load_known_failing(path, CHECKS)
