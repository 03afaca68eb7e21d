from __future__ import annotations

from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.metadata import Metadata, written
from metaprotocol_sdk.proxy.config.report import Report
from tests.proxy.config.reading import bad, good, read


def test_what_routes_may_ask_for_stands_under_envoys_name() -> None:
    message = good(Metadata, "filterMetadata: {envoy.lb: {stageName: prod, v: 1}, istio: {a: b}}")
    assert message.value() == (("stageName", '"prod"'), ("v", "1.0"))
    assert good(Metadata, "filter_metadata: {istio: {a: b}}").value() == ()
    assert good(Metadata, "{}").value() == ()


def test_other_shapes_are_wrong() -> None:
    assert bad(Metadata, "filter_metadata: {envoy.lb: 5}") == [
        "1:18 error filter_metadata: expected a mapping under envoy.lb, found 5"
    ]
    assert bad(Metadata, "filter_metadata: 5") == ["1:18 error filter_metadata: expected a mapping, found 5"]
    assert read(Metadata, "typed_filter_metadata: {}")[1] == [
        "1:1 note typed_filter_metadata: accepted, and without effect in this proxy"
    ]


def test_it_can_be_looked_at_before_it_is_validated() -> None:
    report = Report("f.yaml")
    for key in ("metadata_match", "metadataMatch"):
        fields = read_document(f"{{{key}: {{filterMetadata: {{envoy.lb: {{vX: 1}}}}}}}}", report)
        assert written(fields, key) == (("vX", "1.0"),)
    assert (
        written(read_document("{metadata_match: {filter_metadata: {envoy.lb: 5}}}", report), "metadata_match") is None
    )
    assert written(read_document("{}", report), "metadata_match") is None
