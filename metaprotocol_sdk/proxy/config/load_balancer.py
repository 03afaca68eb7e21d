"""How each ``lb_policy`` of a cluster picks: its ``*_lb_config`` messages."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import PlainValidator, field_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import MAX_COUNT, Whole, word
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import LbPolicy

MAX_RING_SIZE = 8 * 1024 * 1024
"""Entries a ring may have; Envoy's limit."""

MAX_TABLE_SIZE = 5_000_011
"""Entries a Maglev table may have; Envoy's limit, a prime."""

POLICY_FIELDS = {
    "ring_hash_lb_config": LbPolicy.RING_HASH,
    "maglev_lb_config": LbPolicy.MAGLEV,
    "least_request_lb_config": LbPolicy.LEAST_REQUEST,
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


class LeastRequestLbConfig(Message):
    """``envoy.config.cluster.v3.Cluster.LeastRequestLbConfig``."""

    refused = not_yet("active_request_bias", "slow_start_config", "enable_full_scan", "selection_method")

    choice_count: Annotated[int, PlainValidator(Whole(2, MAX_COUNT))] = 2
    """Servers drawn for each request; the one with the fewest requests in flight gets it."""


def is_prime(number: int) -> bool:
    """Whether only 1 and itself divide it."""
    return number > 1 and all(number % each for each in range(2, math.isqrt(number) + 1))
