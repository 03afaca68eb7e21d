"""Which clients are not read because one server does not read."""

from __future__ import annotations

from collections.abc import Iterable

from metaprotocol_sdk.proxy.stream import Downstream


class Pressure:
    """The clients whose requests one connection to a server carries faster than the server takes them."""

    __slots__ = ("_held", "_tellers")

    def __init__(self) -> None:
        self._held: set[Downstream] = set()
        self._tellers: set[Downstream] = set()

    def note_teller(self, downstream: Downstream, *, is_first: bool) -> None:
        """Keeps whose oneways this turn of the loop writes: should that be too much, they are what must be stopped.

        Args:
            downstream: The client a oneway is of.
            is_first: Whether nothing else has been written in this turn.
        """
        if is_first:
            self._tellers.clear()
        self._tellers.add(downstream)

    def hold(self, downstream: Downstream) -> None:
        """Stops reading one client."""
        if downstream not in self._held:
            self._held.add(downstream)
            downstream.hold()

    def hold_all(self, downstreams: Iterable[Downstream]) -> None:
        """Stops reading those clients, and the ones whose oneways were written in this turn."""
        for downstream in [*self._tellers, *downstreams]:
            self.hold(downstream)

    def release(self) -> None:
        """Reads every one of them again."""
        held, self._held = self._held, set()
        for downstream in held:
            downstream.release()

    def forget(self) -> None:
        """The connection has ended: nothing more will be written by it."""
        self._tellers.clear()
        self.release()
