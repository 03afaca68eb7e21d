"""A token bucket that all workers take from."""

from __future__ import annotations

import fcntl

from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.workers.memory import Block


class SharedBucket(Bucket):
    """A :class:`~metaprotocol_sdk.proxy.filters.bucket.Bucket` whose tokens and next fill are in the block.

    Taking a token holds a lock of the system, which the kernel gives back for a process that is killed meanwhile; a
    process that is stopped while it holds one stops the others. A bucket that is empty is seen to be so without it.

    Args:
        block: Where it is.
        place: Its place there.
        is_new: Whether it starts now, full; otherwise it is as the other processes see it.
        max_tokens: As the bucket takes it, as are the others.
        tokens_per_fill: Tokens added at a time.
        fill_interval: Seconds between two fills.
        now: The time it starts at, on a clock that all processes share.
    """

    __slots__ = ("_descriptor", "_due_cell", "_is_new", "_place", "_tokens_cell")

    def __init__(
        self,
        block: Block,
        place: int,
        *,
        is_new: bool,
        max_tokens: int,
        tokens_per_fill: int,
        fill_interval: float,
        now: float,
    ) -> None:
        self._descriptor = block.descriptor
        self._place = place
        self._is_new = is_new
        self._tokens_cell = block.tokens(place)
        self._due_cell = block.due(place)
        super().__init__(max_tokens=max_tokens, tokens_per_fill=tokens_per_fill, fill_interval=fill_interval, now=now)

    def _start(self, now: float) -> None:
        if self._is_new:
            super()._start(now)

    @property
    def _tokens(self) -> int:
        return self._tokens_cell[0]

    @_tokens.setter
    def _tokens(self, tokens: int) -> None:
        self._tokens_cell[0] = tokens

    @property
    def _due(self) -> float:
        return self._due_cell[0]

    @_due.setter
    def _due(self, due: float) -> None:
        self._due_cell[0] = due

    def take(self, now: float) -> bool:
        """Takes one token, if there is one.

        Args:
            now: The time, on the clock it was started with.
        """
        # Whoever fills it moves _due on, so one that is not due and then has no token was empty at that moment.
        if now < self._due_cell[0] and not self._tokens_cell[0]:
            return False
        fcntl.lockf(self._descriptor, fcntl.LOCK_EX, 1, self._place)
        try:
            return super().take(now)
        finally:
            fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, self._place)
