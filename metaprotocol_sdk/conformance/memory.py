"""Keeps code from taking a machine's memory, where the platform lets it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

with suppress(ImportError):  # Windows has none
    import resource

_STATM = Path("/proc/self/statm")
"""proc(5): sizes of this process in pages, its address space first."""


def address_space() -> int | None:
    """Bytes of addresses this process has mapped; None where the platform does not say."""
    try:
        return int(_STATM.read_text().split()[0]) * resource.getpagesize()
    except (OSError, NameError):
        return None


@contextmanager
def memory_limit(most: int | None) -> Iterator[None]:
    """Whatever asks for memory in the block beyond ``most`` bytes of addresses gets a MemoryError.

    It lowers RLIMIT_AS, of the whole process, for as long as the block runs; a lower limit that was there stays. With
    None, and where :func:`address_space` is None, it limits nothing.
    """
    if most is None or address_space() is None:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    lowest = min(limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
