"""Faults on purpose: ``aeraki.meta_protocol.filters.fault`` delays and aborts a share of the requests.

The configuration is that of Envoy's HTTP fault filter, in the words of a protocol without headers and status codes. A
request is delayed first, and aborted then; the two shares know nothing of each other.

What differs from Envoy: a fault counts as active while its request is delayed, not until its reply has passed; and the
limit of active faults is looked at when a fault is due, so ``faults_overflow`` counts faults that were left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import PlainValidator

from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.extension import TYPE_PREFIX, FilterModel
from metaprotocol_sdk.proxy.config.fields import OURS, Kind, Origin, Period, Positive, Text, word
from metaprotocol_sdk.proxy.config.fraction import FractionalPercent
from metaprotocol_sdk.proxy.config.message import Message, not_yet, without_effect
from metaprotocol_sdk.proxy.config.route import RouteMatch
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.filters.delay import Delay
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterType, Verdict
from metaprotocol_sdk.proxy.match import Matcher, all_match
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel

_ERROR_TYPES = {each.name: each for each in ErrorType}
_OF_HTTP = "this is HTTP's; an error here is an error_type and a message"


def _warn_of_nothing(fields: Entries, context: Context) -> None:
    if fields.get("percentage") is None:
        context.report.warning(fields.place, "without percentage the share is 0: this does nothing")


class FaultDelay(Message):
    """``envoy.extensions.filters.common.fault.v3.FaultDelay``."""

    refused: ClassVar[dict[str, str]] = {
        "header_delay": "this is HTTP's; a delay here is a fixed_delay",
        "type": "a delay is fixed; leave type out",
    }

    fixed_delay: Period
    """How long a request waits before the filters behind this one see it."""

    percentage: FractionalPercent = FractionalPercent()
    """Of which share of the requests; not given, it is 0, as in Envoy."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of a share that is nothing."""
        _warn_of_nothing(fields, context)


class FaultAbort(Message):
    """``envoy.extensions.filters.http.fault.v3.FaultAbort``."""

    refused: ClassVar[dict[str, str]] = dict.fromkeys(("http_status", "grpc_status", "header_abort"), _OF_HTTP)

    error_type: Annotated[
        ErrorType, PlainValidator(word(_ERROR_TYPES)), Kind(", ".join(f"`{name}`" for name in _ERROR_TYPES)), OURS
    ]
    """The ErrorType the client is told, as far as its protocol can."""

    message: Annotated[Text, OURS] = "fault filter abort"
    """The text it is told."""

    percentage: FractionalPercent = FractionalPercent()
    """Of which share of the requests; not given, it is 0, as in Envoy."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of a share that is nothing."""
        _warn_of_nothing(fields, context)


class Fault(Message):
    """``aeraki.meta_protocol_proxy.filters.fault.v1alpha.Fault``: Envoy's
    ``envoy.extensions.filters.http.fault.v3.HTTPFault``, as far as it is not HTTP's."""

    refused: ClassVar[dict[str, str]] = {
        "headers": "this is HTTP's; requests are chosen by match: {metadata: [{name, exact_match}]}",
        **not_yet(
            "upstream_cluster", "downstream_nodes", "response_rate_limit", "delay_percent_runtime",
            "abort_percent_runtime", "delay_duration_runtime", "abort_http_status_runtime",
            "max_active_faults_runtime", "response_rate_limit_percent_runtime", "abort_grpc_status_runtime",
            "filter_metadata",
        ),
    }  # fmt: skip
    ignored = without_effect("disable_downstream_cluster_stats")

    stat_prefix: Annotated[Text, OURS]
    """The counters are `meta_protocol.<stat_prefix>.fault.delays_injected` and so on."""

    delay: Annotated[FaultDelay | None, Origin("HTTPFault.delay")] = None
    """Requests that wait."""

    abort: Annotated[FaultAbort | None, Origin("HTTPFault.abort")] = None
    """Requests that are answered with an error. `delay` or `abort` must be there."""

    match: Annotated[RouteMatch, OURS] = RouteMatch()
    """Which requests; an empty one, or none, matches all."""

    max_active_faults: Annotated[Positive | None, Origin("HTTPFault.max_active_faults")] = None
    """Requests delayed at once, from which on there are no more faults; not given: no limit."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a filter that does nothing."""
        if fields.get("delay") is None and fields.get("abort") is None:
            problem = "required, unless there is an abort: with neither of them there is no fault"
            context.report.error(fields.value_place("delay"), problem)


@dataclass(slots=True, eq=False)
class FaultStats(Counters):
    """``active_faults``, a gauge: requests delayed now. ``aborts_injected``, ``delays_injected``: faults.
    ``faults_overflow``: faults left out because of ``max_active_faults``."""

    active_faults: int = 0
    aborts_injected: int = 0
    delays_injected: int = 0
    faults_overflow: int = 0


class FaultInjector(Filter):
    """Delays a share of the requests that match, and answers a share of them with an error; a oneway is dropped then.

    Args:
        config: Which, how many, and how.
        wheel: What delays wait on.
        rng: Picks the requests.
    """

    def __init__(self, config: Fault, *, wheel: TimerWheel, rng: random.Random) -> None:
        self.stats = FaultStats()
        self._matchers: Sequence[Matcher] = tuple(Matcher.from_config(each.value()) for each in config.match.metadata)
        self._seconds = 0.0 if config.delay is None else config.delay.fixed_delay
        self._delay_share = 0.0 if config.delay is None else config.delay.percentage.value()
        self._abort_share = 0.0 if config.abort is None else config.abort.percentage.value()
        self._error = None if config.abort is None else Error(config.abort.error_type, config.abort.message, "FI")
        self._most = config.max_active_faults
        self._wheel = wheel
        self._rng = rng

    @classmethod
    def from_config(cls, config: Fault, context: FilterContext) -> FaultInjector:
        """The filter of one listener, its counters registered."""
        injector = cls(config, wheel=context.wheel, rng=context.rng)
        context.register(f"meta_protocol.{config.stat_prefix}.fault.", injector.stats)
        return injector

    def on_request(self, stream: Stream) -> Verdict:
        """Lets the request pass, wait or fail."""
        if not all_match(self._matchers, stream.request):
            return None
        chance = self._rng.random
        is_delayed = chance() < self._delay_share
        error = self._error if chance() < self._abort_share else None
        if not is_delayed and error is None:
            return None
        stats = self.stats
        if self._most is not None and stats.active_faults >= self._most:
            stats.faults_overflow += 1
            return None
        if is_delayed:
            stats.delays_injected += 1
            stats.active_faults += 1
            stream.flags = "DI"
            return Delay(self._wheel, self._seconds, error, on_end=self._on_end)
        stats.aborts_injected += 1
        return error

    def _on_end(self, delay: Delay) -> None:
        self.stats.active_faults -= 1
        if delay.verdict is not None and not delay.cancelled():
            self.stats.aborts_injected += 1


FAULT = FilterType(
    FilterModel(
        "aeraki.meta_protocol.filters.fault",
        TYPE_PREFIX + "aeraki.meta_protocol_proxy.filters.fault.v1alpha.Fault",
        Fault,
    ),
    FaultInjector.from_config,
)
"""The filter, as it is registered."""
