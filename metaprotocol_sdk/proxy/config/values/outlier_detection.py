"""Which servers are taken out for a while because their requests fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierDetectionConfig:
    """``envoy.config.cluster.v3.OutlierDetection``; its defaults are Envoy's.

    Args:
        consecutive_5xx: Failures in a row after which a server is an outlier; 0: never.
        consecutive_gateway_failure: The same of failures to reach it; 0: never.
        consecutive_local_origin_failure: The same where the two origins are split; 0: never.
        interval: Seconds from one sweep to the next: rates are worked out, and servers let back in.
        base_ejection_time: Seconds the first ejection lasts, and each further one lasts longer.
        max_ejection_time: Seconds no ejection lasts longer than, the jitter left out; at least the base.
        max_ejection_time_jitter: Seconds at random below this are added to each.
        max_ejection_percent: The share of the servers that may be ejected at once.
        always_eject_one_host: Whether one may be in any case.
        enforcing_consecutive_5xx: Percent of the times that what is detected is also enforced; and so below.
        enforcing_consecutive_gateway_failure: See above.
        enforcing_consecutive_local_origin_failure: See above.
        enforcing_success_rate: See above.
        enforcing_local_origin_success_rate: See above.
        enforcing_failure_percentage: See above.
        enforcing_failure_percentage_local_origin: See above.
        success_rate_minimum_hosts: Servers with volume enough, without which no success rates are compared.
        success_rate_request_volume: Requests in an interval without which a server is not compared.
        success_rate_stdev_factor: Thousandths of the standard deviation below the mean at which an outlier begins.
        failure_percentage_threshold: Percent of failures from which on a server is an outlier.
        failure_percentage_minimum_hosts: Servers with volume enough, without which nobody is looked at.
        failure_percentage_request_volume: Requests in an interval without which a server is not looked at.
        split_external_local_origin_errors: Whether failures to reach a server count apart from those it reports.
        successful_active_health_check_uneject_host: Whether an active health check that succeeds ends an ejection.
    """

    consecutive_5xx: int = 5
    consecutive_gateway_failure: int = 5
    consecutive_local_origin_failure: int = 5
    interval: float = 10.0
    base_ejection_time: float = 30.0
    max_ejection_time: float = 300.0
    max_ejection_time_jitter: float = 0.0
    max_ejection_percent: int = 10
    always_eject_one_host: bool = False
    enforcing_consecutive_5xx: int = 100
    enforcing_consecutive_gateway_failure: int = 0
    enforcing_consecutive_local_origin_failure: int = 100
    enforcing_success_rate: int = 100
    enforcing_local_origin_success_rate: int = 100
    enforcing_failure_percentage: int = 0
    enforcing_failure_percentage_local_origin: int = 0
    success_rate_minimum_hosts: int = 5
    success_rate_request_volume: int = 100
    success_rate_stdev_factor: int = 1900
    failure_percentage_threshold: int = 85
    failure_percentage_minimum_hosts: int = 5
    failure_percentage_request_volume: int = 50
    split_external_local_origin_errors: bool = False
    successful_active_health_check_uneject_host: bool = True
