"""What several workers have counted is one process's counts, and a death takes away only what was under way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.metrics import is_gauge
from metaprotocol_sdk.proxy.workers.tally import Changes, Tally

NAMES = ["a.request", "a.request_active", "server.config_reload"]
steps = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(NAMES), st.integers(0, 5), st.booleans()), max_size=40)


@given(steps)
def test_the_total_is_what_was_counted_and_what_is_under_way(steps: list[tuple[int, str, int, bool]]) -> None:
    tally = Tally()
    counts = [dict.fromkeys(NAMES, 0) for _ in range(3)]
    changes = [Changes() for _ in range(3)]
    dead = 0
    for worker, name, more, dies in steps:
        counts[worker][name] += more
        tally.update(worker, changes[worker].since(counts[worker]))
        if dies:
            dead += counts[worker]["a.request"]
            tally.bury(worker)
            counts[worker], changes[worker] = dict.fromkeys(NAMES, 0), Changes()
    total = tally.total({"a.request": 0, "a.request_active": 0, "server.config_reload": 2})
    assert total["a.request"] == dead + sum(each["a.request"] for each in counts)
    assert total["a.request_active"] == sum(each["a.request_active"] for each in counts)
    assert total["server.config_reload"] == 2  # the parent alone counts these


def test_only_what_has_changed_is_said() -> None:
    changes = Changes()
    assert changes.since({"a": 0, "b": 2}) == {"b": 2}
    assert changes.since({"a": 1, "b": 2}) == {"a": 1}
    assert changes.since({"a": 1, "b": 0}) == {"b": 0}


def test_what_is_gone_from_the_configuration_is_gone_from_the_counts() -> None:
    tally = Tally()
    tally.update(0, {"cluster.old.total": 5, "cluster.new.total": 6})
    assert tally.total({"cluster.new.total": 1}) == {"cluster.new.total": 7}
    tally.bury(0)
    tally.keep({"cluster.new.total"})
    assert tally.total({"cluster.old.total": 0, "cluster.new.total": 0}) == {
        "cluster.old.total": 0,
        "cluster.new.total": 6,
    }


@pytest.mark.parametrize(
    "name",
    [
        "cluster.c.membership_total",
        "cluster.c.lb_subsets_single_host_per_subset_duplicate",
        "cluster.c.ssl.context_update_by_file",
        "listener.0.0.0.0_80.ssl.key_rotation_failed",
    ],
)
def test_what_every_process_sees_of_one_thing_is_counted_once(name: str) -> None:
    tally = Tally()
    tally.update(0, {name: 3})
    tally.update(1, {name: 3})
    assert tally.total({name: 3}) == {name: 3}


def test_nothing_is_kept_of_what_is_gone_and_it_counts_anew_when_it_comes_back() -> None:
    tally, changes = Tally(), Changes()
    tally.update(0, changes.since({"cluster.a.total": 5, "cluster.b.total": 1}))
    tally.update(0, changes.since({"cluster.b.total": 1}))
    tally.keep({"cluster.b.total"})
    assert tally._living == {0: {"cluster.b.total": 1}}
    assert changes._said == {"cluster.b.total": 1}
    tally.update(0, changes.since({"cluster.a.total": 0, "cluster.b.total": 1}))
    assert tally.total({"cluster.a.total": 0, "cluster.b.total": 0}) == {"cluster.a.total": 0, "cluster.b.total": 1}
    tally.update(0, changes.since({"cluster.a.total": 5, "cluster.b.total": 1}))
    assert tally.total({"cluster.a.total": 0, "cluster.b.total": 0}) == {"cluster.a.total": 5, "cluster.b.total": 1}


def test_gauges_are_told_by_their_names() -> None:
    assert is_gauge("cluster.c.upstream_rq_active")
    assert not is_gauge("cluster.c.upstream_rq_total")
