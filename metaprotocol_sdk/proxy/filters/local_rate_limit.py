"""How many requests pass in a time: ``aeraki.meta_protocol.filters.local_ratelimit``.

The first condition that matches a request decides, by its own bucket alone. Where none does, ``token_bucket`` decides,
and where there is none the request passes. Each listener counts for itself; all its clients share its buckets.

What differs from MetaProtocol Proxy: the first fill of ``token_bucket`` comes after a whole interval (there it comes
with the first tick of the shortest interval of all), and oneways count (there they are not forwarded at all).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, FilterModel
from metaprotocol_sdk.proxy.config.fields import Kind, Positive, Repeated, Text, read_duration
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.route import RouteMatch
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.filters.bucket import Bucket, MakeBucket
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterType, Verdict
from metaprotocol_sdk.proxy.match import Matcher, all_match
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.stream import Stream

MIN_FILL_INTERVAL = 0.05
"""Seconds; upstream refuses a shorter one, too."""


def read_fill_interval(value: object) -> float:
    """The seconds of a ``fill_interval``.

    Raises:
        ValueError: It is no duration, or shorter than 0.05 s.
    """
    seconds = read_duration(value)
    if seconds < MIN_FILL_INTERVAL:
        raise expected(f"{MIN_FILL_INTERVAL:g}s or more", value)
    return seconds


class TokenBucket(Message):
    """``envoy.type.v3.TokenBucket``: full at the start."""

    max_tokens: Positive
    """Requests that pass at once when it is full."""

    tokens_per_fill: Positive = 1
    """Requests that more may pass after each ``fill_interval``, until it is full."""

    fill_interval: Annotated[float, PlainValidator(read_fill_interval), Kind("duration")]
    """Between two fills, ``0.05s`` or more."""

    def bucket(self, make: MakeBucket, now: float) -> Bucket:
        """A bucket of that kind, full."""
        return make(
            max_tokens=self.max_tokens,
            tokens_per_fill=self.tokens_per_fill,
            fill_interval=self.fill_interval,
            now=now,
        )


class LocalRateLimitCondition(Message):
    """``aeraki.meta_protocol_proxy.filters.local_ratelimit.v1alpha.LocalRateLimitCondition``: requests that have a
    bucket of their own."""

    match: RouteMatch
    """Which requests; an empty one matches all."""

    token_bucket: TokenBucket
    """How many of them pass."""


class LocalRateLimit(Message):
    """``aeraki.meta_protocol_proxy.filters.local_ratelimit.v1alpha.LocalRateLimit``."""

    stat_prefix: Text
    """The counters are ``meta_protocol.<stat_prefix>.local_rate_limit.ok`` and ``rate_limited``."""

    token_bucket: TokenBucket | None = None
    """How many of the requests that match no condition pass; not given: all of them."""

    conditions: Repeated[LocalRateLimitCondition] = ()
    """Requests with buckets of their own; the first that matches decides."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a limit that limits nothing."""
        if fields.get("token_bucket") is None and not fields.get("conditions"):
            problem = "required, unless there are conditions: with neither of them nothing is limited"
            context.report.error(fields.value_place("token_bucket"), problem)


@dataclass(slots=True, eq=False)
class LocalRateLimitStats(Counters):
    """``ok``: requests that passed, those that match nothing included. ``rate_limited``: those that did not."""

    ok: int = 0
    rate_limited: int = 0


class LocalRateLimiter(Filter):
    """Answers a request over its limit with OVER_LIMIT; a oneway over its limit is dropped.

    Args:
        bucket: Of the requests that match no condition; None: they pass.
        conditions: In order: what a request's strings must be, and the bucket it then takes from.
        now: The clock the buckets were started with.
    """

    def __init__(
        self,
        bucket: Bucket | None,
        conditions: Sequence[tuple[Sequence[Matcher], Bucket]],
        *,
        now: Callable[[], float],
    ) -> None:
        self.stats = LocalRateLimitStats()
        self._bucket = bucket
        self._conditions = tuple(conditions)
        self._now = now

    @classmethod
    def from_config(cls, config: LocalRateLimit, context: FilterContext) -> LocalRateLimiter:
        """The filter of one listener, its counters registered."""
        make, now = context.bucket, context.now()
        conditions = [
            (
                [Matcher.from_config(matcher.value()) for matcher in each.match.metadata],
                each.token_bucket.bucket(make, now),
            )
            for each in config.conditions
        ]
        bucket = None if config.token_bucket is None else config.token_bucket.bucket(make, now)
        limiter = cls(bucket, conditions, now=context.now)
        context.register(f"meta_protocol.{config.stat_prefix}.local_rate_limit.", limiter.stats)
        return limiter

    def on_request(self, stream: Stream) -> Verdict:
        """Takes a token, or refuses the request."""
        bucket = self._bucket
        for matchers, own in self._conditions:
            if all_match(matchers, stream.request):
                bucket = own
                break
        if bucket is None or bucket.take(self._now()):
            self.stats.ok += 1
            return None
        self.stats.rate_limited += 1
        text = f"meta protocol local rate limit: request '{stream.request.request_id}' has been rate limited"
        return Error(ErrorType.OVER_LIMIT, text, "RL")


LOCAL_RATE_LIMIT = FilterType(
    FilterModel(
        "aeraki.meta_protocol.filters.local_ratelimit",
        TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.local_ratelimit.v1alpha.LocalRateLimit",
        LocalRateLimit,
    ),
    LocalRateLimiter.from_config,
)
"""The filter, as it is registered."""
