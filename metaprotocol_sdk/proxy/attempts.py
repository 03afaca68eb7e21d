"""Trying again: ``envoy.config.route.v3.RetryPolicy``.

A request whose route has a policy is followed by one :class:`Attempts`, which stands where its chain would and hears
first what became of each attempt. The chain, and so every filter and the client, hears of the last one only. A reply
is whole before anything of it is written to the client, so a retry is always possible until then.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.metadata import Metadata, ResponseStatus
from metaprotocol_sdk.proxy.cluster.cluster import Cluster
from metaprotocol_sdk.proxy.config.values import RetryOn
from metaprotocol_sdk.proxy.match import all_match
from metaprotocol_sdk.proxy.route import RetryPolicy
from metaprotocol_sdk.proxy.stream import Chain, Stream
from metaprotocol_sdk.proxy.timers import Slot, TimerWheel

_FAILURES = {"UF": RetryOn.CONNECT_FAILURE, "UC": RetryOn.RESET, "UPE": RetryOn.RESET}
"""What a policy calls the failure that has a response flag; other failures are not retried."""


class Attempts:
    """One request's attempts.

    Args:
        stream: The request; two-way, and not a stream of frames.
        policy: Its route's.
        send: Picks a server and sends the request there; says why it cannot.
        wheel: What per-try timeouts and back-off wait on.
        rng: Jitter of the back-off.
    """

    __slots__ = (
        "_breaker",
        "_chain",
        "_cluster",
        "_is_counted",
        "_policy",
        "_rng",
        "_send",
        "_slot",
        "_stream",
        "_tries",
        "_wheel",
    )

    def __init__(
        self,
        stream: Stream,
        policy: RetryPolicy,
        *,
        send: Callable[[Stream], Error | None],
        wheel: TimerWheel,
        rng: random.Random,
    ) -> None:
        assert stream.cluster is not None, "a request without a cluster is not sent"
        self._stream = stream
        self._chain: Chain = stream.chain
        self._cluster: Cluster = stream.cluster
        assert stream.route is not None, "nor one without a route"
        self._breaker = stream.cluster.breakers[stream.route.priority]
        self._policy = policy
        self._send = send
        self._wheel = wheel
        self._rng = rng
        self._slot: Slot | None = None
        self._tries = 0
        self._is_counted = False

    def begin(self) -> Error | None:
        """Makes the first attempt; an Error says why there is none."""
        self._stream.chain = self
        self._stream.waiting = self
        error = self._try()
        if error is not None:
            self._leave()
        return error

    def _try(self) -> Error | None:
        if self._policy.per_try_timeout is not None:
            self._slot = self._wheel.add(self, self._policy.per_try_timeout)
        return self._send(self._stream)

    # What became of an attempt.

    def respond(self, stream: Stream, response: Metadata) -> None:
        """The server has answered; the client gets the answer unless the policy covers it."""
        if self._is_retriable(response) and self._again():
            return
        if self._tries:
            self._cluster.stats.upstream_rq_retry_success += response.response_status is ResponseStatus.OK
        self._leave()
        self._chain.respond(stream, response)

    def fail(self, stream: Stream, error: Error) -> None:  # noqa: ARG002
        """The attempt failed; the client gets the error unless the policy covers it."""
        self._on_failure(_FAILURES.get(error.flag), error)

    def sent(self, stream: Stream) -> None:
        """A oneway is on its way; it is never tried again."""
        self._leave()
        self._chain.sent(stream)

    def _on_failure(self, kind: RetryOn | None, error: Error) -> None:
        if kind in self._policy.retry_on:
            if self._again():
                return
            if self._tries == self._policy.num_retries:
                error = replace(error, flag=f"{error.flag},URX")  # as Envoy's access log has it
        self._leave()
        self._chain.fail(self._stream, error)

    def _is_retriable(self, response: Metadata) -> bool:
        policy = self._policy
        if response.response_status is ResponseStatus.ERROR and RetryOn.ERROR_REPLY in policy.retry_on:
            return True
        if RetryOn.RETRIABLE_HEADERS not in policy.retry_on:
            return False
        try:
            return any(all_match((each,), response) for each in policy.retriable_headers)
        except CodecError:  # strings put off and malformed: for whoever writes the reply to say
            return False

    # The next attempt.

    def _again(self) -> bool:
        """Whether there will be another attempt."""
        stats, breaker = self._cluster.stats, self._breaker
        self._release()
        if self._tries >= self._policy.num_retries:
            stats.upstream_rq_retry_limit_exceeded += 1
            return False
        if not breaker.allows_retry():
            stats.upstream_rq_retry_overflow += 1
            return False
        self._tries += 1
        stats.upstream_rq_retry += 1
        breaker.retries += 1
        self._is_counted = True
        self._stream.carrier = None
        self._disarm()
        self._slot = self._wheel.add(self, self._backoff())
        return True

    def _backoff(self) -> float:
        most = self._policy.base_interval * ((1 << min(self._tries, 32)) - 1)
        return self._rng.random() * min(most, self._policy.max_interval)

    def on_timer(self, now: float) -> None:  # noqa: ARG002
        """The back-off is over, or the attempt has taken too long."""
        self._slot = None
        stream = self._stream
        if stream.carrier is None:
            error = self._try()
            if error is not None:
                self.fail(stream, error)
            return
        stream.carrier.expire(stream)
        stream.carrier = None
        self._cluster.stats.upstream_rq_per_try_timeout += 1
        text = f"meta protocol router: no reply from '{self._cluster.name}' in {self._policy.per_try_timeout:g} s"
        self._on_failure(RetryOn.PER_TRY_TIMEOUT, Error(ErrorType.UNSPECIFIED, text, "UT"))

    # The end.

    def cancel(self) -> None:
        """The request has ended otherwise: its client has gone, or its route's timeout has come."""
        self._disarm()
        self._release()
        self._stream.chain = self._chain  # the two would keep each other until the collector runs

    def _leave(self) -> None:
        self.cancel()
        self._stream.waiting = None

    def _release(self) -> None:
        if self._is_counted:
            self._is_counted = False
            self._breaker.retries -= 1

    def _disarm(self) -> None:
        if self._slot is not None:
            self._slot.pop(self, None)
            self._slot = None
