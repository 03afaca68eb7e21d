from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

PROBE = "import sys\ndef test_x() -> None:\n    print('LOADED', *sorted(sys.modules))\n"


def pytest_run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_found_by_a_key_of_its_own() -> None:
    points = [each for each in entry_points(group="pytest11") if each.value.startswith("metaprotocol_sdk")]
    assert [(each.name, each.value) for each in points] == [
        ("metaprotocol_conformance", "metaprotocol_sdk.conformance.pytest_plugin")
    ]


def test_where_no_codec_is_tested_it_loads_itself_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "test_probe.py").write_text(PROBE)
    line = next(
        line for line in pytest_run(tmp_path, "-s", "-q", "test_probe.py").stdout.splitlines() if "LOADED" in line
    )
    loaded = {name for name in line.split() if name.startswith("metaprotocol_sdk")}
    assert loaded == {"metaprotocol_sdk", "metaprotocol_sdk.conformance", "metaprotocol_sdk.conformance.pytest_plugin"}
    without = next(
        line
        for line in pytest_run(
            tmp_path, "-s", "-q", "-p", "no:metaprotocol_conformance", "test_probe.py"
        ).stdout.splitlines()
        if "LOADED" in line
    )
    assert set(line.split()) - set(without.split()) == loaded


def test_it_names_an_option_and_a_marker(tmp_path: Path) -> None:
    assert "--conformance-profile={quick,default,thorough}" in pytest_run(tmp_path, "--help").stdout
    assert "@pytest.mark.conformance: holds a codec to a law" in pytest_run(tmp_path, "--markers").stdout
