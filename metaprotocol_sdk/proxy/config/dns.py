"""Names of servers: the fields of ``envoy.config.cluster.v3.Cluster`` that say how they are resolved."""

from __future__ import annotations

from typing import Annotated

from pydantic import PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Kind, is_ip, read_duration, seconds_at
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries

DNS_FIELDS = ("dns_refresh_rate", "dns_failure_refresh_rate", "dns_jitter", "dns_lookup_family")
"""The fields of a cluster that only ``STRICT_DNS`` reads."""

NO_TTL = "accepted, and without effect: the system's resolver tells no time to live, dns_refresh_rate is what counts"
"""What is said of ``respect_dns_ttl``."""

_MIN_RATE = 0.001
_NOT_IN_NAMES = set(" \t\r\n/:@[]")


def _read_rate(value: object) -> float:
    seconds = read_duration(value)
    if seconds <= _MIN_RATE:
        raise expected("more than 0.001s", value)
    return seconds


Rate = Annotated[float, PlainValidator(_read_rate), Kind("duration over `0.001s`")]
"""Seconds, more than a millisecond."""


class RefreshRate(Message):
    """``envoy.config.cluster.v3.Cluster.RefreshRate``: how long a name that failed waits."""

    base_interval: Rate
    """The first wait after a failure is a random time below this, the second below twice this, and so on."""

    max_interval: Rate | None = None
    """Where that doubling ends; not given: ten times ``base_interval``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a maximum below the base."""
        base = seconds_at(fields, "base_interval", 0.0)
        if fields.get("max_interval") is not None and 0 < seconds_at(fields, "max_interval", base) < base:
            problem = f"expected at least base_interval, {base:g}s, found {shown(fields['max_interval'])}"
            context.report.error(fields.value_place("max_interval"), problem)


def inspect_names(cluster: Entries, context: Context) -> None:
    """Looks at the hosts of a cluster's endpoints, and at fields that only one type of cluster reads.

    Args:
        cluster: Its fields, as they are written.
        context: Gets the findings.
    """
    kind = cluster.get("type") or "STATIC"
    if kind == "STATIC":
        for key in DNS_FIELDS:
            if cluster.get(key) is not None:
                problem = "without effect: this cluster's type is STATIC, not STRICT_DNS"
                context.report.warning(cluster.key_place(key), problem)
    for group in cluster.child("load_assignment").children("endpoints"):
        for each in group.children("lb_endpoints"):
            where = each.child("endpoint").child("address")
            if kind == "STRICT_DNS" and where.get("pipe") is not None:
                context.report.error(
                    where.key_place("pipe"), "a Unix socket has no name to resolve; its cluster is STATIC"
                )
            address = where.child("socket_address")
            host = address.get("address")
            problem = _objection(host, kind) if isinstance(host, str) and host and not is_ip(host) else ""
            if problem:
                context.report.error(address.value_place("address"), problem)


def _objection(host: str, kind: object) -> str:
    if kind == "STATIC":
        return f"expected an IP address, found {shown(host)}; a cluster of type STRICT_DNS resolves names"
    if kind == "STRICT_DNS" and set(host) & _NOT_IN_NAMES:
        return f"expected a name or an IP address, found {shown(host)}; the port belongs in port_value"
    return ""
