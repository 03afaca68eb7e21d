"""What a filter is, what it is made of, and what it is registered as."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.proxy.config.values import NodeConfig, TrafficDirection
from metaprotocol_sdk.proxy.filters.bucket import Bucket, MakeBucket
from metaprotocol_sdk.proxy.filters.delay import Delay
from metaprotocol_sdk.proxy.metrics import Counters
from metaprotocol_sdk.proxy.stream import Stream
from metaprotocol_sdk.proxy.timers import TimerWheel

if TYPE_CHECKING:  # the runtime does not pay for pydantic
    from metaprotocol_sdk.proxy.config.extension import FilterModel

Verdict = Error | Delay | Awaitable[Error | None] | None
"""None: go on. An Error: the client gets it as its reply. A Delay, or an awaitable of either: the stream waits."""


class Filter:
    """One concern. Both hooks are plain functions; only one that must wait returns an awaitable, and only that costs
    a task. One that waits for a given time returns a :class:`~metaprotocol_sdk.proxy.filters.delay.Delay`.

    The request's strings are in ``stream.request``; ``stream.mutation`` and ``stream.response_mutation`` are for
    what the message's strings shall become. A filter keeps nothing of a stream after its reply has passed.
    """

    def on_request(self, stream: Stream) -> Verdict:  # noqa: ARG002  a default lets everything pass
        """Sees a request, a oneway or the message that opens a stream of frames, before the filters behind this one."""
        return None

    def on_response(self, stream: Stream) -> Verdict:  # noqa: ARG002  a default lets everything pass
        """Sees a reply, after the filters behind this one have: the server's in ``stream.response``, or a local one
        in ``stream.error``. An Error replaces it. Not called for a oneway, for a stream of frames once it runs, nor
        when this filter stopped the request.
        """
        return None


def _stopped() -> TimerWheel:
    return TimerWheel(lambda: 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterContext:
    """What a filter may know of the listener it is made for. Each listener has filters of its own.

    Args:
        listener: The listener's name, for the log.
        codec: Its protocol; ``codec.can_mutate`` says what a message can carry.
        node: The proxy's ``node``.
        traffic_direction: Which side of a service the listener stands on.
        now: The proxy's clock, in seconds from some moment; it never goes back.
        register: Makes counters visible in ``Server.snapshot()``, under the prefix and their names. Counts that come
            to the same full name are added up. A name that ends in ``_active`` is a gauge's.
        rng: The proxy's source of chance.
        wheel: The proxy's timers; where they are not given, their time never comes.
        bucket: Makes a token bucket. It is one for the whole proxy, however many processes that is; so a filter makes
            as many, in the same order, whenever it is made of the same configuration.
    """

    listener: str
    codec: Codec
    node: NodeConfig
    traffic_direction: TrafficDirection
    now: Callable[[], float]
    register: Callable[[str, Counters], None]
    rng: random.Random = field(default_factory=random.Random)
    wheel: TimerWheel = field(default_factory=_stopped)
    bucket: MakeBucket = Bucket


FilterFactory = Callable[[Any, FilterContext], Filter]
"""Makes a filter of the value its configuration model made (None: it has no model) and what is around it."""


@dataclass(frozen=True, slots=True)
class FilterType:
    """One kind of filter, as the entry-point group ``metaprotocol.filters`` names it.

    Args:
        model: How it is configured; ``model.name`` is the name it is registered by.
        factory: Makes one for each listener that has it.
    """

    model: FilterModel
    factory: FilterFactory
