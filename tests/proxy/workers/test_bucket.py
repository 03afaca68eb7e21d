"""A bucket of several processes does what one of one process does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.workers.bucket import SharedBucket
from metaprotocol_sdk.proxy.workers.memory import Block

steps = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 5, allow_nan=False)), max_size=60)


@given(
    st.integers(1, 5), st.integers(1, 5), st.floats(0.05, 3, allow_nan=False), st.floats(0, 1e6, allow_nan=False), steps
)
def test_it_is_one_bucket_whoever_takes_from_it(
    most: int, per_fill: int, interval: float, now: float, steps: list[tuple[int, float]]
) -> None:
    block = Block.create(3)
    properties = {"max_tokens": most, "tokens_per_fill": per_fill, "fill_interval": interval}
    alone = Bucket(**properties, now=now)  # type: ignore[arg-type]
    others = [Block(os.dup(block.descriptor), 3) for _ in range(2)]
    shared = [SharedBucket(block, 5, is_new=True, **properties, now=now)]  # type: ignore[arg-type]
    shared += [SharedBucket(each, 5, is_new=False, **properties, now=now + 99) for each in others]  # type: ignore[arg-type]
    try:
        for worker, passed in steps:
            now += passed
            assert shared[worker].take(now) == alone.take(now)
    finally:
        for each in (block, *others):
            each.close()


TAKER = """
import sys
from metaprotocol_sdk.proxy.workers.bucket import SharedBucket
from metaprotocol_sdk.proxy.workers.memory import Block
bucket = SharedBucket(
    Block(int(sys.argv[1]), 2), 0, is_new=False, max_tokens=20000, tokens_per_fill=1, fill_interval=1e6, now=0
)
sys.stdin.readline()
print(sum(bucket.take(1) for _ in range(20000)))
"""


def test_processes_that_take_at_once_take_what_there_is_and_no_more() -> None:
    block = Block.create(2)
    SharedBucket(block, 0, is_new=True, max_tokens=20000, tokens_per_fill=1, fill_interval=1e6, now=0)
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, str(block.descriptor)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(block.descriptor,),
            text=True,
        )
        for _ in range(2)
    ]
    for each in takers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    taken = [int(each.communicate(timeout=60)[0]) for each in takers]
    assert sum(taken) == 20000
    block.close()


HOLDER = """
import fcntl, sys
fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX, 1, 0)
print("held", flush=True)
sys.stdin.readline()
"""


def test_what_a_killed_process_has_locked_is_free_again() -> None:
    block = Block.create(2)
    bucket = SharedBucket(block, 0, is_new=True, max_tokens=2, tokens_per_fill=1, fill_interval=1, now=0)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(block.descriptor)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(block.descriptor,),
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert bucket.take(0)
    block.close()


@pytest.mark.parametrize("now", [0.0, 0.9])
def test_an_empty_one_is_seen_to_be_so_without_a_lock(now: float, monkeypatch: pytest.MonkeyPatch) -> None:
    block = Block.create(2)
    bucket = SharedBucket(block, 0, is_new=True, max_tokens=1, tokens_per_fill=1, fill_interval=1, now=0)
    assert bucket.take(0)
    monkeypatch.setattr("fcntl.lockf", None)
    assert not bucket.take(now)
    block.close()
