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


def address_limit() -> tuple[int, int] | None:
    """The soft and the hard RLIMIT_AS of this process; None where the platform has none."""
    try:
        return resource.getrlimit(resource.RLIMIT_AS)
    except NameError:
        return None


@contextmanager
def with_address_limit(limit: tuple[int, int] | None) -> Iterator[None]:
    """A process started in the block begins with ``limit``, which :func:`address_limit` gave, not with today's."""
    if limit is None:
        yield
        return
    today = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, limit)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, today)
