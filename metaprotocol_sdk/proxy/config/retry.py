"""When a request is tried again: ``envoy.config.route.v3.RetryPolicy``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import PlainValidator

from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Count, Duration, Kind, Period, Repeated, seconds_at
from metaprotocol_sdk.proxy.config.matcher import HeaderMatcher
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import RetryOn, RetryPolicyConfig

_WORDS = {each.value: each for each in RetryOn}
_LISTED = ", ".join(_WORDS)
_HTTPS = frozenset(
    [
        "5xx", "gateway-error", "envoy-ratelimited", "retriable-4xx", "refused-stream", "retriable-status-codes",
        "http3-post-connect-failure", "reset-before-request", "cancelled", "deadline-exceeded", "internal",
        "resource-exhausted", "unavailable",
    ]
)  # fmt: skip


def read_retry_on(value: object) -> frozenset[RetryOn]:
    """The failures that ``retry_on`` names, split at commas.

    Raises:
        ValueError: It names none, or something else; every word that is wrong is in it.
    """
    words = [each.strip() for each in value.split(",")] if isinstance(value, str) else []
    named = [each for each in words if each]
    if not named:
        raise expected(f"some of {_LISTED}, with commas between", value)
    if wrong := [_objection(each) for each in named if each not in _WORDS]:
        raise ValueError("; ".join(wrong) + f". The failures here are {_LISTED}")
    return frozenset(_WORDS[each] for each in named)


def _objection(word: str) -> str:
    if word in _HTTPS:
        return f"{shown(word)} is about HTTP or gRPC"
    near = nearest(word, _WORDS) if len(word) < 100 else ""
    return f"no failure is named {shown(word)}" + (f" (did you mean {near}?)" if near else "")


class RetryBackOff(Message):
    """``envoy.config.route.v3.RetryPolicy.RetryBackOff``: how long a retry waits."""

    base_interval: Period
    """The n-th retry waits a random time below this times 2ⁿ - 1."""

    max_interval: Period | None = None
    """No wait is longer; not given: ten times ``base_interval``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a longest wait that is shorter than the first."""
        base = seconds_at(fields, "base_interval", 0.0)
        if seconds_at(fields, "max_interval", math.inf) < base:
            problem = f"expected at least base_interval, {base:g}s, found {shown(fields['max_interval'])}"
            context.report.error(fields.value_place("max_interval"), problem)


class RetryPolicy(Message):
    """``envoy.config.route.v3.RetryPolicy``: a request that failed is sent again, until a byte of a reply was written
    to the client; a oneway never is. The words of ``retry_on`` say which failures:

    * ``connect-failure``: no connection to the server was made. It has seen nothing.
    * ``reset``: the connection ended, or its reply was undecodable, before the reply was whole. The server may have
      acted.
    * ``per-try-timeout``: no reply within ``per_try_timeout``. The server may have acted, or act still.
    * ``error-reply``: a whole reply whose response status is an error. The server has acted, and said that it failed.
    * ``retriable-headers``: a whole reply that one of ``retriable_headers`` matches.
    """

    refused: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("retriable_status_codes", "retriable_request_headers"),
            "this is HTTP's; retriable_headers look at a reply's strings",
        ),
        **not_yet(
            "per_try_idle_timeout", "retry_priority", "retry_host_predicate", "retry_options_predicates",
            "host_selection_retry_max_attempts", "rate_limited_retry_back_off",
        ),
    }  # fmt: skip

    retry_on: Annotated[frozenset[RetryOn], PlainValidator(read_retry_on), Kind("words, with commas between")]
    """The failures it covers, with commas between."""

    num_retries: Count = 1
    """Attempts after the first."""

    per_try_timeout: Duration | None = None
    """What one attempt may take; not given or ``0s``: as long as the route's ``timeout`` allows."""

    retry_back_off: RetryBackOff | None = None
    """How long a retry waits; not given: 25 ms at first, 250 ms at most."""

    retriable_headers: Repeated[HeaderMatcher] = ()
    """What ``retriable-headers`` looks for in a reply; one that matches is enough."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of a word without the field it is about, and of a field without its word."""
        retry_on = fields.get("retry_on")
        words = [each.strip() for each in retry_on.split(",")] if isinstance(retry_on, str) else []
        for word, key in (("per-try-timeout", "per_try_timeout"), ("retriable-headers", "retriable_headers")):
            if word in words and not fields.get(key):
                context.report.warning(fields.value_place("retry_on"), f"{word} never happens without {key}")
        if fields.get("retriable_headers") and "retriable-headers" not in words:
            problem = "not looked for: retry_on has no retriable-headers"
            context.report.warning(fields.key_place("retriable_headers"), problem)

    def value(self) -> RetryPolicyConfig:
        """What the runtime reads."""
        base, longest = 0.025, None
        if self.retry_back_off is not None:
            base, longest = self.retry_back_off.base_interval, self.retry_back_off.max_interval
        return RetryPolicyConfig(
            retry_on=self.retry_on,
            num_retries=self.num_retries,
            per_try_timeout=self.per_try_timeout or None,
            base_interval=base,
            max_interval=longest or 10 * base,
            retriable_headers=tuple(each.value() for each in self.retriable_headers),
        )
