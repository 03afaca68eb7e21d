from __future__ import annotations

import resource
from pathlib import Path

import pytest

from metaprotocol_sdk.conformance import memory
from metaprotocol_sdk.conformance.memory import address_space, memory_limit

needs_proc = pytest.mark.skipif(address_space() is None, reason="this platform does not say how much is mapped")


@needs_proc
def test_more_than_the_limit_is_a_memory_error_and_the_limit_ends_with_the_block() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = address_space()
    assert used is not None
    with pytest.raises(MemoryError), memory_limit(used + (64 << 20)):
        bytearray(256 << 20)
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@needs_proc
def test_a_lower_limit_stays() -> None:
    used = address_space()
    assert used is not None
    with memory_limit(used + (256 << 20)):
        inner = resource.getrlimit(resource.RLIMIT_AS)
        with memory_limit(used + (512 << 20)):
            assert resource.getrlimit(resource.RLIMIT_AS) == inner


def test_where_nothing_is_known_nothing_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    with memory_limit(None):
        assert resource.getrlimit(resource.RLIMIT_AS) == before
    monkeypatch.setattr(memory, "_STATM", Path("/nowhere"))
    assert address_space() is None
    with memory_limit(1):
        assert resource.getrlimit(resource.RLIMIT_AS) == before
