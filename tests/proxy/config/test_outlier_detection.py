from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from metaprotocol_sdk.proxy.config.cluster import Cluster
from metaprotocol_sdk.proxy.config.outlier_detection import OutlierDetection
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig
from tests.proxy.config.reading import bad, good, read

SPLIT = "without effect: split_external_local_origin_errors is false"
TOGETHER = "without effect: split_external_local_origin_errors is true"


def test_what_is_not_said_is_envoys_default() -> None:
    assert good(OutlierDetection, "{}").value() == OutlierDetectionConfig()


def test_every_field_becomes_its_value() -> None:
    values: dict[str, Any] = {
        field.name: (True if field.type == "bool" else 100 + index if field.type == "float" else index + 1)
        for index, field in enumerate(fields(OutlierDetectionConfig))
    }
    text = "\n".join(
        f"{name}: {f'{value}s' if type(value) is int and value >= 100 else str(value).lower()}"
        for name, value in values.items()
    )
    message, findings = read(OutlierDetection, text)
    assert message is not None, findings
    assert message.value() == OutlierDetectionConfig(**values)
    assert [each for each in findings if TOGETHER not in each] == []


@pytest.mark.parametrize(("base", "longest"), [("1s", 300), ("300s", 300), ("301s", 301)])
def test_the_longest_ejection_is_300_s_or_the_first(base: str, longest: float) -> None:
    assert good(OutlierDetection, f"base_ejection_time: {base}").value().max_ejection_time == longest


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "max_ejection_time: 29s",
            "1:20 error max_ejection_time: expected at least base_ejection_time, 30s, found 29s",
        ),
        (
            "{base_ejection_time: 2s, max_ejection_time: 1.5s}",
            "1:45 error max_ejection_time: expected at least base_ejection_time, 2s, found 1.5s",
        ),
        ("interval: 0s", "1:11 error interval: expected more than 0s, found '0s'"),
        ("base_ejection_time: 0s", "1:21 error base_ejection_time: expected more than 0s, found '0s'"),
        ("max_ejection_time: 0s", "1:20 error max_ejection_time: expected more than 0s, found '0s'"),
        (
            "max_ejection_time_jitter: 5",
            "1:27 error max_ejection_time_jitter: expected seconds with an s, such as 5s or 0.25s, found 5",
        ),
        (
            "max_ejection_percent: 101",
            "1:23 error max_ejection_percent: expected a whole number from 0 to 100, found 101",
        ),
        (
            "enforcing_success_rate: 12.5",
            "1:25 error enforcing_success_rate: expected a whole number from 0 to 100, found 12.5",
        ),
        ("consecutive_5xx: -1", "1:18 error consecutive_5xx: expected a whole number from 0 to 4294967295, found -1"),
        ("monitors: []", "1:1 error monitors: not supported yet by this proxy"),
        ("consecutive_local_origin_failure: 2", f"1:1 warning consecutive_local_origin_failure: {SPLIT}"),
        (
            "enforcing_failure_percentage_local_origin: 2",
            f"1:1 warning enforcing_failure_percentage_local_origin: {SPLIT}",
        ),
        (
            "{split_external_local_origin_errors: true, consecutive_gateway_failure: 2}",
            f"1:44 warning consecutive_gateway_failure: {TOGETHER}",
        ),
    ],
)
def test_what_is_wrong_says_where_and_why(text: str, finding: str) -> None:
    assert bad(OutlierDetection, text) == [finding]


CLUSTER = """\
name: c
load_assignment: {cluster_name: c, endpoints: {lb_endpoints: [SERVERS]}}
outlier_detection: {FIELDS}
"""
SERVER = "{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}"


def cluster(servers: int, text: str) -> str:
    return CLUSTER.replace("SERVERS", ", ".join([SERVER] * servers)).replace("FIELDS", text)


@pytest.mark.parametrize(
    ("servers", "text", "share"),
    [
        (9, "", "10 % of 9 servers"),
        (1, "max_ejection_percent: 99", "99 % of 1 server"),
        (3, "max_ejection_percent: 0", "0 % of 3 servers"),
        (3, "always_eject_one_host: false", "10 % of 3 servers"),
    ],
)
def test_a_cluster_too_small_to_eject_anybody_is_told(servers: int, text: str, share: str) -> None:
    [finding] = bad(Cluster, cluster(servers, text))
    assert finding == (
        f"3:1 warning outlier_detection: ejects nobody: max_ejection_percent, {share}, is less than one; "
        "always_eject_one_host: true lets one be ejected in any case"
    )


@pytest.mark.parametrize(
    ("servers", "text"),
    [
        (0, ""),
        (10, ""),
        (1, "max_ejection_percent: 100"),
        (2, "max_ejection_percent: 50"),
        (2, "always_eject_one_host: true"),
    ],
)
def test_a_cluster_that_can_eject_is_not(servers: int, text: str) -> None:
    value = good(Cluster, cluster(servers, text)).value()
    assert value.outlier_detection is not None
    assert len(value.endpoints) == servers
