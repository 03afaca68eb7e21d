"""How each ``lb_policy`` of a cluster picks: its ``*_lb_config`` messages."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import PlainValidator, field_validator

from metaprotocol_sdk.proxy.config.circuit_breakers import Percent
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import MAX_COUNT, Period, Whole, word
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.runtime_double import RuntimeDouble
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import LbPolicy
from metaprotocol_sdk.proxy.config.values import SlowStartConfig as SlowStartValue

MAX_RING_SIZE = 8 * 1024 * 1024
"""Entries a ring may have; Envoy's limit."""

MAX_TABLE_SIZE = 5_000_011
"""Entries a Maglev table may have; Envoy's limit, a prime."""

POLICY_FIELDS = {
    "ring_hash_lb_config": LbPolicy.RING_HASH,
    "maglev_lb_config": LbPolicy.MAGLEV,
    "least_request_lb_config": LbPolicy.LEAST_REQUEST,
    "round_robin_lb_config": LbPolicy.ROUND_ROBIN,
}
"""Which policy each field of a cluster is about."""

RingSize = Annotated[int, PlainValidator(Whole(1, MAX_RING_SIZE))]
"""Entries of a ring."""

_XX_HASH: dict[str, Literal["XX_HASH"]] = {"XX_HASH": "XX_HASH"}
_DEFAULT_MINIMUM = 1024


class RingHashLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.RingHashLbConfig``."""

    minimum_ring_size: RingSize = _DEFAULT_MINIMUM
    """Entries the ring has at least: more follow the weights more closely."""

    maximum_ring_size: RingSize = MAX_RING_SIZE
    """Entries it has at most."""

    hash_function: Annotated[Literal["XX_HASH"], PlainValidator(word(_XX_HASH, "MURMUR_HASH_2"))] = "XX_HASH"
    """What places servers on the ring."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a smallest ring that is larger than the largest."""
        minimum, maximum = fields.get("minimum_ring_size"), fields.get("maximum_ring_size")
        if minimum is None:
            minimum = _DEFAULT_MINIMUM
        if type(minimum) is int and type(maximum) is int and 0 < maximum < minimum:
            problem = f"expected at least minimum_ring_size, {minimum}, found {maximum}"
            context.report.error(fields.value_place("maximum_ring_size"), problem)


class MaglevLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.MaglevLbConfig``."""

    table_size: Annotated[int, PlainValidator(Whole(1, MAX_TABLE_SIZE))] = 65537
    """Entries of the table, a prime; a hundred for each server keep the shares even."""

    @field_validator("table_size")
    @classmethod
    def _is_prime(cls, size: int) -> int:
        if not is_prime(size):
            primes = (each for each in range(size, 2 * size + 2) if is_prime(each))
            raise ValueError(f"expected a prime, found {shown(size)}; the next one is {next(primes)}")
        return size


class SlowStartConfig(Message):
    """``envoy.config.cluster.v3.Cluster.SlowStartConfig``: a server that is new, or healthy again, gets its share of
    the requests little by little: its weight times ``(age / slow_start_window) ^ (1 / aggression)``."""

    slow_start_window: Period
    """Until it has its whole share; required."""

    aggression: RuntimeDouble | None = None
    """How the share grows: 1, which it is when not given, evenly; more, faster at first. Over 0."""

    min_weight_percent: Percent = Percent(value=10.0)
    """The share it has at least."""

    @field_validator("aggression")
    @classmethod
    def _is_over_0(cls, aggression: RuntimeDouble | None) -> RuntimeDouble | None:
        if aggression is not None and not aggression.value():
            raise expected("more than 0", aggression.value())
        return aggression

    def value(self) -> SlowStartValue:
        """What the runtime reads."""
        return SlowStartValue(
            window=self.slow_start_window,
            aggression=1.0 if self.aggression is None else self.aggression.value(),
            minimum=self.min_weight_percent.value / 100,
        )


class RoundRobinLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.RoundRobinLbConfig``."""

    slow_start_config: SlowStartConfig | None = None
    """How a new server begins; not given: with its whole share."""


class LeastRequestLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.LeastRequestLbConfig``."""

    refused = not_yet("enable_full_scan", "selection_method")

    active_request_bias: RuntimeDouble | None = None
    """Where weights differ: a server's weight is divided by its requests in flight and one more, to this power. 1 when
    not given; 0: they do not count."""

    slow_start_config: SlowStartConfig | None = None
    """How a new server begins; not given: with its whole share."""

    choice_count: Annotated[int, PlainValidator(Whole(2, MAX_COUNT))] = 2
    """Servers drawn for each request; the one with the fewest requests in flight gets it."""


def is_prime(number: int) -> bool:
    """Whether only 1 and itself divide it."""
    return number > 1 and all(number % each for each in range(2, math.isqrt(number) + 1))
