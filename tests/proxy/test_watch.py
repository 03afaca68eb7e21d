from __future__ import annotations

import os
from pathlib import Path

from metaprotocol_sdk.proxy.watch import Watch


def test_a_file_that_stays_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    watch = Watch(path)
    assert not any(watch.has_changed() for _ in range(3))


def test_a_change_is_told_once_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    watch = Watch(path)
    path.write_text("12")
    assert not watch.has_changed()
    path.write_text("123")
    assert not watch.has_changed()
    assert [watch.has_changed() for _ in range(3)] == [True, False, False]


def test_a_file_that_is_replaced_by_one_of_the_same_size_has_changed_and_is_not_missed_while_it_is_away(
    tmp_path: Path,
) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    watch = Watch(path)
    path.unlink()
    assert [watch.has_changed() for _ in range(3)] == [False] * 3
    path.write_text("2")
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]


def test_a_link_that_is_swapped_has_changed(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text(name)
    (tmp_path / "data").symlink_to("one")
    watch = Watch(tmp_path / "data" / "f")
    (tmp_path / "next").symlink_to("two")
    os.replace(tmp_path / "next", tmp_path / "data")
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]


def test_a_file_may_come_later(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "f")
    assert not watch.has_changed()
    (tmp_path / "f").write_text("1")
    assert [watch.has_changed() for _ in range(3)] == [False, True, False]


def test_a_file_that_stays_away_is_told_of_once(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("1")
    watch = Watch(path)

    def look() -> bool:
        assert not watch.has_changed()
        return watch.has_gone

    assert not look()
    for _ in range(2):
        path.rename(tmp_path / "away")
        assert [look() for _ in range(5)] == [False, False, True, False, False]
        (tmp_path / "away").rename(path)
        assert not look()


def test_a_file_that_was_never_there_has_not_gone(tmp_path: Path) -> None:
    watch = Watch(tmp_path / "f")
    assert not any(watch.has_changed() or watch.has_gone for _ in range(5))
