"""Which servers are taken out because their requests fail: ``envoy.config.cluster.v3.OutlierDetection``."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Count, Duration, Period, Switch, Whole, seconds_at
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig

Percentage = Annotated[int, PlainValidator(Whole(0, 100))]
"""A ``uint32`` from 0 to 100."""

_DEFAULT = OutlierDetectionConfig()
_WHEN_SPLIT = (
    "consecutive_local_origin_failure",
    "enforcing_consecutive_local_origin_failure",
    "enforcing_local_origin_success_rate",
    "enforcing_failure_percentage_local_origin",
)
_UNLESS_SPLIT = ("consecutive_gateway_failure", "enforcing_consecutive_gateway_failure")


class OutlierDetection(Message):
    """``envoy.config.cluster.v3.OutlierDetection``: a server whose requests fail is *ejected*: it gets none for a
    while. A failure has one of two origins:

    * *external*: the server has answered, with an error (the reply's response status, or its message type, is ERROR) or
      with what cannot be decoded. What Envoy calls ``5xx``.
    * *local*: the request did not get an answer. No connection was made (refused, unreachable, ``connect_timeout``), it
      ended before the reply was whole, or the reply did not come within the route's ``timeout`` or its
      ``per_try_timeout``. What Envoy calls a *gateway failure*.

    A request whose client has left counts for nothing. Copies for a mirror count as other requests do; of a oneway only
    the connection counts.
    """

    refused = not_yet("monitors")

    consecutive_5xx: Count = _DEFAULT.consecutive_5xx
    """Failures in a row, of either origin, after which a server is an outlier; where the origins are split: external
    ones. 0: never."""

    consecutive_gateway_failure: Count = _DEFAULT.consecutive_gateway_failure
    """Failures of local origin in a row after which it is one, unless the origins are split. 0: never."""

    consecutive_local_origin_failure: Count = _DEFAULT.consecutive_local_origin_failure
    """Failures of local origin in a row after which it is one, where the origins are split. 0: never."""

    interval: Period = _DEFAULT.interval
    """From one sweep to the next, in which rates are worked out and servers let back in."""

    base_ejection_time: Period = _DEFAULT.base_ejection_time
    """How long the first ejection lasts; the next in a row twice as long, then three times. Each interval that the
    server is in takes one from that again."""

    max_ejection_time: Period | None = None
    """No ejection lasts longer, jitter left out; not given: 300 s, or ``base_ejection_time`` where that is more."""

    max_ejection_time_jitter: Duration = _DEFAULT.max_ejection_time_jitter
    """A random time up to this is added to each ejection, so that not all servers come back at once."""

    max_ejection_percent: Percentage = _DEFAULT.max_ejection_percent
    """The share of the servers that may be ejected at once. Of fewer than ten servers 10 % is none: see
    ``always_eject_one_host``."""

    always_eject_one_host: Switch = _DEFAULT.always_eject_one_host
    """Whether one server may be ejected whatever ``max_ejection_percent`` says."""

    enforcing_consecutive_5xx: Percentage = _DEFAULT.enforcing_consecutive_5xx
    """Of a hundred times that ``consecutive_5xx`` detects an outlier, how often it is ejected; the others are only
    counted."""

    enforcing_consecutive_gateway_failure: Percentage = _DEFAULT.enforcing_consecutive_gateway_failure
    """The same of ``consecutive_gateway_failure``."""

    enforcing_consecutive_local_origin_failure: Percentage = _DEFAULT.enforcing_consecutive_local_origin_failure
    """The same of ``consecutive_local_origin_failure``."""

    enforcing_success_rate: Percentage = _DEFAULT.enforcing_success_rate
    """The same of success rates."""

    enforcing_local_origin_success_rate: Percentage = _DEFAULT.enforcing_local_origin_success_rate
    """The same of success rates in reaching the server, where the origins are split."""

    enforcing_failure_percentage: Percentage = _DEFAULT.enforcing_failure_percentage
    """The same of failure percentages."""

    enforcing_failure_percentage_local_origin: Percentage = _DEFAULT.enforcing_failure_percentage_local_origin
    """The same of failure percentages in reaching the server, where the origins are split."""

    success_rate_minimum_hosts: Count = _DEFAULT.success_rate_minimum_hosts
    """With fewer servers of ``success_rate_request_volume`` no success rates are compared."""

    success_rate_request_volume: Count = _DEFAULT.success_rate_request_volume
    """A server with fewer requests in an interval is not compared."""

    success_rate_stdev_factor: Count = _DEFAULT.success_rate_stdev_factor
    """In thousandths: a server is an outlier when its success rate is below the mean of all by more than this times
    their standard deviation."""

    failure_percentage_threshold: Percentage = _DEFAULT.failure_percentage_threshold
    """A server is an outlier when of its requests in an interval so many percent fail."""

    failure_percentage_minimum_hosts: Count = _DEFAULT.failure_percentage_minimum_hosts
    """With fewer servers of ``failure_percentage_request_volume`` nobody is looked at."""

    failure_percentage_request_volume: Count = _DEFAULT.failure_percentage_request_volume
    """A server with fewer requests in an interval is not looked at."""

    split_external_local_origin_errors: Switch = _DEFAULT.split_external_local_origin_errors
    """Whether failures of the two origins are counted apart."""

    successful_active_health_check_uneject_host: Switch = _DEFAULT.successful_active_health_check_uneject_host
    """Whether an active health check that succeeds ends an ejection."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a longest ejection that is shorter than the first, and warns of what is never looked at."""
        base = seconds_at(fields, "base_ejection_time", _DEFAULT.base_ejection_time)
        longest = seconds_at(fields, "max_ejection_time", base)
        if 0 < longest < base:
            problem = f"expected at least base_ejection_time, {base:g}s, found {longest:g}s"
            context.report.error(fields.value_place("max_ejection_time"), problem)
        is_split = fields.get("split_external_local_origin_errors") is True
        for key in _UNLESS_SPLIT if is_split else _WHEN_SPLIT:
            if fields.get(key):
                problem = f"without effect: split_external_local_origin_errors is {str(is_split).lower()}"
                context.report.warning(fields.key_place(key), problem)

    def value(self) -> OutlierDetectionConfig:
        """What the runtime reads."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        if self.max_ejection_time is None:
            fields["max_ejection_time"] = max(_DEFAULT.max_ejection_time, self.base_ejection_time)
        return OutlierDetectionConfig(**fields)


def warn_of_too_few(cluster: Entries, servers: int, context: Context) -> None:
    """Warns of a cluster whose ``outlier_detection`` may not eject even one of so many servers."""
    fields = cluster.child("outlier_detection")
    percent = fields.get("max_ejection_percent")
    percent = _DEFAULT.max_ejection_percent if percent is None else percent
    if type(percent) is not int or fields.get("always_eject_one_host") is True:
        return
    if servers and percent * servers < 100:
        problem = (
            f"ejects nobody: max_ejection_percent, {percent} % of {servers} server{'s' if servers > 1 else ''}, is "
            "less than one; always_eject_one_host: true lets one be ejected in any case"
        )
        context.report.warning(cluster.key_place("outlier_detection"), problem)
