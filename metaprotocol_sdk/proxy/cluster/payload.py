"""The bytes of a ``tcp_health_check``: Envoy's ``PayloadMatcher``."""

from __future__ import annotations

from collections.abc import Sequence


class PayloadMatch:
    """Whether everything that has to come has come: in that order, whatever is between.

    It keeps no more bytes than the longest part has, however many come.

    Args:
        expected: The parts, none of them empty.
    """

    __slots__ = ("_expected", "_found", "_tail")

    def __init__(self, expected: Sequence[bytes]) -> None:
        self._expected = expected
        self._found = 0
        self._tail = b""

    def receive(self, data: bytes) -> bool:
        """Whether all of it has come, with these bytes."""
        data = self._tail + data
        while self._found < len(self._expected):
            part = self._expected[self._found]
            start = data.find(part)
            if start < 0:
                keep = len(part) - 1
                self._tail = data[-keep:] if keep else b""
                return False
            data = data[start + len(part) :]
            self._found += 1
        return True
