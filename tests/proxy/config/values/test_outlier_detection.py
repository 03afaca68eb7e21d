from __future__ import annotations

from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.config.values import OutlierDetectionConfig


def test_what_is_not_configured_is_what_the_reader_of_files_makes_of_nothing() -> None:
    [cluster] = parse_config("static_resources: {clusters: [{name: c, outlier_detection: {}}]}").clusters
    assert cluster.outlier_detection == OutlierDetectionConfig()
