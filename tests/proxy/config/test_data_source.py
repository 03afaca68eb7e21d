"""Where certificates come from."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from metaprotocol_sdk.proxy.config.data_source import DataSource
from metaprotocol_sdk.proxy.config.values import DataSource as Value
from tests.proxy.config.reading import bad, good


def test_there_are_four_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"said")
    monkeypatch.setenv("SAID", "said")
    assert good(DataSource, f"filename: {tmp_path}/x").value() == Value(filename=f"{tmp_path}/x")
    watched = f"filename: {tmp_path}/x\nwatchedDirectory: {{path: {tmp_path}}}"
    assert good(DataSource, watched).value() == Value(filename=f"{tmp_path}/x")
    for text in (
        "inline_string: said",
        f"inline_bytes: {base64.b64encode(b'said').decode()}",
        "environment_variable: SAID",
    ):
        assert good(DataSource, text).value() == Value(data=b"said")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "1:1 error filename: expected one of filename, inline_string, inline_bytes, environment_variable"),
        (
            "filename: /nowhere/x",
            "1:11 error filename: the file '/nowhere/x' cannot be read: no such file or directory",
        ),
        ("inline_bytes: '!'", "1:15 error inline_bytes: expected base64, found '!'"),
        ("environment_variable: NO_SUCH", "1:23 error environment_variable: the environment has no variable 'NO_SUCH'"),
        ("filename: ''", "1:11 error filename: expected text that is not empty"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_place(text: str, problem: str) -> None:
    assert bad(DataSource, text) == [problem]
