from __future__ import annotations

import pytest
from pydantic import BaseModel

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.load_balancer import (
    MAX_TABLE_SIZE,
    LeastRequestLbConfig,
    MaglevLbConfig,
    RingHashLbConfig,
    SlowStartConfig,
    is_prime,
)
from metaprotocol_sdk.proxy.config.values import SlowStartConfig as SlowStart
from tests.proxy.config.reading import bad, good


def test_the_primes_are_told_from_the_others() -> None:
    assert [each for each in range(-2, 32) if is_prime(each)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31]
    assert is_prime(65537)
    assert is_prime(MAX_TABLE_SIZE)
    assert not is_prime(251 * 257)


@pytest.mark.parametrize(
    ("model", "text", "finding"),
    [
        (MaglevLbConfig, "table_size: 100", "1:13 error table_size: expected a prime, found 100; the next one is 101"),
        (MaglevLbConfig, "table_size: 1", "1:13 error table_size: expected a prime, found 1; the next one is 2"),
        (
            MaglevLbConfig,
            "table_size: 5000012",
            "1:13 error table_size: expected a whole number from 1 to 5000011, found 5000012",
        ),
        (
            RingHashLbConfig,
            "minimum_ring_size: 8388609",
            "1:20 error minimum_ring_size: expected a whole number from 1 to 8388608, found 8388609",
        ),
        (
            RingHashLbConfig,
            "maximum_ring_size: 1023",
            "1:20 error maximum_ring_size: expected at least minimum_ring_size, 1024, found 1023",
        ),
        (
            RingHashLbConfig,
            "{minimum_ring_size: 11, maximum_ring_size: 10}",
            "1:44 error maximum_ring_size: expected at least minimum_ring_size, 11, found 10",
        ),
        (
            RingHashLbConfig,
            "hash_function: MURMUR_HASH_2",
            "1:16 error hash_function: 'MURMUR_HASH_2' is not supported yet by this proxy; supported: XX_HASH",
        ),
        (
            LeastRequestLbConfig,
            "choice_count: 1",
            "1:15 error choice_count: expected a whole number from 2 to 4294967295, found 1",
        ),
        (
            LeastRequestLbConfig,
            "active_request_bias: {default_value: -1, runtime_key: k}",
            "1:38 error active_request_bias.default_value: expected a number from 0, found -1",
        ),
        (SlowStartConfig, "{}", "1:1 error slow_start_window: required, and not there"),
        (
            SlowStartConfig,
            "{slow_start_window: 1s, aggression: {default_value: 0, runtime_key: k}}",
            "1:37 error aggression: expected more than 0, found 0.0",
        ),
        (
            SlowStartConfig,
            "{slow_start_window: 1s, min_weight_percent: {value: 101}}",
            "1:53 error min_weight_percent.value: expected a number from 0 to 100, found 101",
        ),
    ],
)
def test_a_wrong_policy_says_where_and_why(model: type[BaseModel], text: str, finding: str) -> None:
    assert bad(model, text) == [finding]


def test_the_ends_of_the_ranges_are_in_them() -> None:
    assert good(MaglevLbConfig, "table_size: 2").table_size == 2
    assert good(MaglevLbConfig, f"table_size: {MAX_TABLE_SIZE}").table_size == MAX_TABLE_SIZE
    assert good(RingHashLbConfig, "{minimum_ring_size: 1, maximum_ring_size: 1}").maximum_ring_size == 1
    assert good(RingHashLbConfig, "{maximum_ring_size: 1024, hash_function: XX_HASH}").minimum_ring_size == 1024


def test_a_slow_start_is_envoys_unless_it_says_otherwise() -> None:
    assert good(SlowStartConfig, "slow_start_window: 60s").value() == SlowStart(window=60, aggression=1.0, minimum=0.1)
    text = "{slow_start_window: 60s, aggression: {default_value: 2, runtime_key: k}, min_weight_percent: {value: 25}}"
    assert good(SlowStartConfig, text).value() == SlowStart(window=60, aggression=2.0, minimum=0.25)


@pytest.mark.parametrize(("policy", "key"), [("ROUND_ROBIN", "round_robin"), ("LEAST_REQUEST", "least_request")])
def test_a_slow_start_is_that_of_the_policy(policy: str, key: str) -> None:
    text = f"{{name: c, lb_policy: {policy}, {key}_lb_config: {{slow_start_config: {{slow_start_window: 5s}}}}}}"
    assert good(Cluster, text).value().slow_start == SlowStart(window=5)
