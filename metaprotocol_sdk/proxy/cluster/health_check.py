"""What the checks of one server have found, and when the next one comes: Envoy's ``HealthCheckerImplBase``.

A server that has never been checked takes on what its first check finds. After that it changes sides when it was found
on the other side ``unhealthy_threshold`` or ``healthy_threshold`` times in a row. A server that answers, and says that
it is not well, is taken at its word at once.
"""

from __future__ import annotations

import enum
import random

from metaprotocol_sdk.proxy.config.values import HealthCheckConfig

SHORTEST = 0.001
"""Seconds; no two checks of a server are nearer than that."""


class CheckFailure(enum.Enum):
    """``envoy.data.core.v3.HealthCheckFailureType``: what a check that failed has found."""

    ACTIVE = "ACTIVE"
    """The server answered, and not as a server that is well."""
    NETWORK = "NETWORK"
    """No connection was made, or it ended before the answer."""
    NETWORK_TIMEOUT = "NETWORK_TIMEOUT"
    """There was no answer in time."""


class Transition(enum.Enum):
    """What a check has changed: Envoy's ``HealthTransition``."""

    UNCHANGED = "Unchanged"
    CHANGED = "Changed"
    CHANGE_PENDING = "ChangePending"
    """Nothing yet; more of the same will."""


class ServerHealth:
    """What the checks of one server have found.

    Args:
        config: How it is checked.
        is_healthy: What it is taken for before the first check.

    Attributes:
        is_healthy: What it is taken for.
        is_known: Whether it has been checked.
    """

    __slots__ = ("_config", "_opposed", "is_healthy", "is_known")

    def __init__(self, config: HealthCheckConfig, *, is_healthy: bool) -> None:
        self._config = config
        self._opposed = 0
        self.is_healthy = is_healthy
        self.is_known = False

    def passed(self) -> Transition:
        """A check has found it well."""
        is_first, self.is_known = not self.is_known, True
        return self._found(is_healthy=True, threshold=1 if is_first else self._config.healthy_threshold)

    def failed(self, failure: CheckFailure) -> Transition:
        """A check has not."""
        self.is_known = True
        is_word = failure is CheckFailure.ACTIVE
        return self._found(is_healthy=False, threshold=1 if is_word else self._config.unhealthy_threshold)

    def _found(self, *, is_healthy: bool, threshold: int) -> Transition:
        if is_healthy is self.is_healthy:
            self._opposed = 0
            return Transition.UNCHANGED
        self._opposed += 1
        if self._opposed < threshold:
            return Transition.CHANGE_PENDING
        self._opposed = 0
        self.is_healthy = is_healthy
        return Transition.CHANGED


def first_wait(config: HealthCheckConfig, rng: random.Random) -> float:
    """Seconds until a server's first check."""
    return config.initial_jitter * rng.random()


def next_wait(
    config: HealthCheckConfig, *, has_passed: bool, transition: Transition, has_traffic: bool, rng: random.Random
) -> float:
    """Seconds from a check to the next one.

    Args:
        config: How the server is checked.
        has_passed: What the check has found.
        transition: And what that has changed.
        has_traffic: Whether the cluster has ever been asked for a server.
        rng: Jitter.
    """
    interval = _interval(config, has_passed, transition is Transition.CHANGE_PENDING, has_traffic)
    jitter = interval * config.interval_jitter_percent / 100 * rng.random() + config.interval_jitter * rng.random()
    return max(SHORTEST, interval + jitter)


def _interval(config: HealthCheckConfig, has_passed: bool, is_pending: bool, has_traffic: bool) -> float:
    if not has_traffic:
        is_settled = has_passed and not is_pending
        return config.no_traffic_healthy_interval if is_settled else config.no_traffic_interval
    if has_passed:
        return config.healthy_edge_interval if is_pending else config.interval
    return config.unhealthy_edge_interval if is_pending else config.unhealthy_interval
