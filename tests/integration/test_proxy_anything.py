"""One law over everything at once, by a state machine: see ``tests/integration/machine``.

Every request gets exactly one reply, its own, or its connection is closed; nothing is unbounded; nothing is left
behind. Clients, servers and failures are drawn; time passes when the machine says so; sockets are real.

A failure prints the configuration, where it is not the usual one, and the steps, each a call that can be made again.
``HYPOTHESIS_PROFILE=deep`` and ``-m slow`` look for longer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import Flaky, FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test

from metaprotocol_sdk.proxy.log import LOGGER_NAME
from tests.integration.machine.mutants import MUTANTS
from tests.integration.machine.rules import ProxyMachine

USUAL = settings(
    max_examples=max(230, settings().max_examples),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)
THOROUGH = settings(USUAL, max_examples=3000, stateful_step_count=60, derandomize=False)
HUNT = settings(USUAL, max_examples=1500, derandomize=True, phases=[Phase.generate])


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A warning for each of thousands of failures is read by nobody."""
    logger = logging.getLogger(LOGGER_NAME)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


ATTEMPTS = 3
"""How often a run is begun anew whose choices came out otherwise when they were made again. What a rule may be about
hangs on what has arrived, and so on when the kernel lets whom run: such a run has found nothing, and has not ended."""


def run_machine(how: settings) -> None:
    """Runs the machine; a run that does not come out the same twice begins anew, one that breaks a law does not."""
    for attempt in range(ATTEMPTS):
        try:
            run_state_machine_as_test(ProxyMachine, settings=how)
        except FlakyStrategyDefinition:
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return


def test_whatever_happens_every_request_gets_its_reply_or_its_end_and_nothing_is_left_behind() -> None:
    run_machine(USUAL)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_holds_for_longer() -> None:
    run_machine(THOROUGH)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", sorted(MUTANTS))
def test_the_machine_catches_a_proxy_in_which(what: str) -> None:
    with MUTANTS[what](), pytest.raises((AssertionError, Flaky)):  # a race need not come again
        run_state_machine_as_test(ProxyMachine, settings=HUNT)
