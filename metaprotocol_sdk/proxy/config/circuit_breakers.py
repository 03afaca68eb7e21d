"""What a cluster allows at once: ``envoy.config.cluster.v3.CircuitBreakers``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Count, Kind, Repeated, Switch, read_percent, word
from metaprotocol_sdk.proxy.config.message import Message, belongs_in, not_yet, without_effect
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig, RoutingPriority

_PRIORITIES = {each.value: each for each in RoutingPriority}

Priority = Annotated[RoutingPriority, PlainValidator(word(_PRIORITIES))]
"""``envoy.config.core.v3.RoutingPriority``."""


class Percent(Message):
    """``envoy.type.v3.Percent``."""

    value: Annotated[float, PlainValidator(read_percent), Kind("number from 0 to 100")] = 0.0
    """0 to 100."""


class RetryBudget(Message):
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds.RetryBudget``."""

    budget_percent: Percent = Percent(value=20.0)
    """Retries in flight, as a share of requests in flight or pending."""

    min_retry_concurrency: Count = 3
    """Retries in flight that are allowed in any case."""


class Thresholds(Message):
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds``."""

    refused = not_yet("max_connection_pools")

    priority: Priority = RoutingPriority.DEFAULT
    """Whose requests are meant: those of routes with that ``priority``."""

    max_connections: Count = 1024
    """Connections to the cluster's servers."""

    max_pending_requests: Count = 1024
    """Requests that wait for one of them; more get an error."""

    max_requests: Count = 1024
    """Requests in flight; more get an error."""

    max_retries: Count = 3
    """Retries in flight; more are not made."""

    retry_budget: RetryBudget | None = None
    """Counts instead of ``max_retries``: retries as a share of requests."""

    track_remaining: Switch = False
    """Whether counters say what is left of each limit."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Notes what no retry is counted by."""
        if fields.get("retry_budget") is not None and fields.get("max_retries") is not None:
            context.report.note(fields.key_place("max_retries"), "without effect: retry_budget counts instead")


class PerHostThresholds(Message):
    """``envoy.config.cluster.v3.CircuitBreakers.Thresholds``, of one server; in Envoy too only its connections have a
    limit."""

    refused: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("max_pending_requests", "max_requests", "max_retries", "retry_budget", "max_connection_pools"),
        "only max_connections is limited for each server, as in Envoy",
    )
    ignored = without_effect("track_remaining")

    priority: Priority = RoutingPriority.DEFAULT
    """Whose requests are meant: those of routes with that ``priority``."""

    max_connections: Count | None = None
    """Connections to one server, of all listeners and priorities together; the first is always made. Not given: no
    limit."""


class CircuitBreakers(Message):
    """``envoy.config.cluster.v3.CircuitBreakers``: limits of a cluster. Requests of routes with ``priority: HIGH`` have
    limits, and connections, of their own, so that others cannot use them up."""

    refused: ClassVar[Mapping[str, str]] = belongs_in("thresholds: [{…}]", *Thresholds.model_fields)

    thresholds: Repeated[Thresholds] = ()
    """What is allowed at once, by priority; those of a priority that is not there have their defaults."""

    per_host_thresholds: Repeated[PerHostThresholds] = ()
    """What is allowed at once of each server, by priority."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of two thresholds of one priority."""
        for key in ("thresholds", "per_host_thresholds"):
            _warn_of_doubles(fields.children(key), key, context)

    def value(self, priority: RoutingPriority = RoutingPriority.DEFAULT) -> CircuitBreakersConfig:
        """What the runtime reads, for requests of that priority."""
        chosen = next((each for each in self.thresholds if each.priority is priority), Thresholds())
        hosts = next((each for each in self.per_host_thresholds if each.priority is priority), PerHostThresholds())
        budget = chosen.retry_budget
        return CircuitBreakersConfig(
            max_connections=chosen.max_connections,
            max_pending_requests=chosen.max_pending_requests,
            max_requests=chosen.max_requests,
            max_retries=chosen.max_retries,
            retry_budget_percent=None if budget is None else budget.budget_percent.value,
            min_retry_concurrency=3 if budget is None else budget.min_retry_concurrency,
            max_connections_per_host=hosts.max_connections,
            track_remaining=chosen.track_remaining,
        )


def _warn_of_doubles(thresholds: Iterable[Entries], name: str, context: Context) -> None:
    seen: dict[object, Entries] = {}
    for each in thresholds:
        priority = each.get("priority") or "DEFAULT"
        first = seen.setdefault(priority, each) if isinstance(priority, str) else each
        if first is not each:
            problem = f"never used: the first {name} of {priority}, at line {first.place.line}, count"
            context.report.warning(each.place, problem)
