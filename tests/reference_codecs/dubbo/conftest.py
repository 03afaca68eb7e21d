"""What the tests of the Dubbo codec are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.reference_codecs.dubbo.peering import serving


class Servers(dict[str, int]):
    """The port of each peer's server; a server is started when it is asked for, and serves every test."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, peer: str) -> int:
        return self.setdefault(peer, self._stack.enter_context(serving(peer)))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The server processes of real peers."""
    with ExitStack() as stack:
        yield Servers(stack)
