"""What a cluster allows at once: ``envoy.config.cluster.v3.CircuitBreakers``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Count, Kind, Repeated, read_percent, word
from metaprotocol_sdk.proxy.config.message import Message, belongs_in, not_yet, without_effect
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import CircuitBreakersConfig

Priority = Literal["DEFAULT", "HIGH"]
"""``envoy.config.core.v3.RoutingPriority``."""

_PRIORITIES: dict[str, Priority] = {"DEFAULT": "DEFAULT", "HIGH": "HIGH"}


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
    ignored = without_effect("track_remaining")

    priority: Annotated[Priority, PlainValidator(word(_PRIORITIES))] = "DEFAULT"
    """Which requests are meant. No route here has a priority, so those of ``HIGH`` are never used."""

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

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Notes what no request is counted by."""
        if fields.get("priority") == "HIGH":
            problem = "without effect in this proxy: no route has a priority, so every request is DEFAULT"
            context.report.note(fields.value_place("priority"), problem)
        if fields.get("retry_budget") is not None and fields.get("max_retries") is not None:
            context.report.note(fields.key_place("max_retries"), "without effect: retry_budget counts instead")


class CircuitBreakers(Message):
    """``envoy.config.cluster.v3.CircuitBreakers``."""

    refused: ClassVar[Mapping[str, str]] = {
        **belongs_in("thresholds: [{…}]", *Thresholds.model_fields),
        **not_yet("per_host_thresholds"),
    }

    thresholds: Repeated[Thresholds] = ()
    """What is allowed at once, by priority."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of two thresholds of one priority."""
        seen: dict[object, Entries] = {}
        for each in fields.children("thresholds"):
            priority = each.get("priority") or "DEFAULT"
            first = seen.setdefault(priority, each) if isinstance(priority, str) else each
            if first is not each:
                problem = f"never used: the first thresholds of {priority}, at line {first.place.line}, count"
                context.report.warning(each.place, problem)

    def value(self) -> CircuitBreakersConfig:
        """What the runtime reads."""
        default = next((each for each in self.thresholds if each.priority == "DEFAULT"), Thresholds())
        budget = default.retry_budget
        return CircuitBreakersConfig(
            max_connections=default.max_connections,
            max_pending_requests=default.max_pending_requests,
            max_requests=default.max_requests,
            max_retries=default.max_retries,
            retry_budget_percent=None if budget is None else budget.budget_percent.value,
            min_retry_concurrency=3 if budget is None else budget.min_retry_concurrency,
        )
