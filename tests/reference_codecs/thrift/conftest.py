"""What the tests of the Thrift codec are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.reference_codecs.thrift.processes import Ports, serving


class Servers(dict[str, Ports]):
    """The ports of each peer's server, by form; a server is started when it is asked for, and serves every test."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, peer: str) -> Ports:
        return self.setdefault(peer, self._stack.enter_context(serving(peer)))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The server processes of real peers."""
    with ExitStack() as stack:
        yield Servers(stack)
