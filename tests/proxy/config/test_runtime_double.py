from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.runtime_double import RuntimeDouble
from tests.proxy.config.reading import bad, good, read

FILE = """\
layered_runtime: {layers: [{name: a, static_layer: {bias: %s}}]}
static_resources:
  clusters:
    name: c
    lb_policy: LEAST_REQUEST
    least_request_lb_config: {active_request_bias: {default_value: 2, runtime_key: bias}}
"""


def test_the_number_is_the_default_unless_the_runtime_has_another() -> None:
    assert good(RuntimeDouble, "{default_value: 2.5, runtime_key: k}").value() == 2.5
    assert good(RuntimeDouble, "runtime_key: k").value() == 0
    assert good(RuntimeDouble, "default_value: 1").value() == 1
    for written, number in (("0.5", 0.5), ("'0.5'", 0.5), ("3", 3.0)):
        assert good(Bootstrap, FILE % written).value().clusters[0].active_request_bias == number


@pytest.mark.parametrize("written", ["-1", "x", "[]", "true", "'nan'", "'inf'"])
def test_a_runtime_value_that_is_no_number_does_not_count(written: str) -> None:
    message, findings = read(Bootstrap, FILE % written)
    assert message is not None
    assert message.value().clusters[0].active_request_bias == 2
    (finding,) = findings
    assert finding.startswith("6:84 warning static_resources.clusters.least_request_lb_config.active_request_bias.")
    assert finding.endswith("which is no number from 0; default_value counts")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "{default_value: -1, runtime_key: k}",
            "1:17 error default_value: expected a number from 0, found -1",
        ),
        ("{default_value: x, runtime_key: k}", "1:17 error default_value: expected a number from 0, found 'x'"),
    ],
)
def test_a_wrong_number_says_where_and_why(text: str, finding: str) -> None:
    assert bad(RuntimeDouble, text) == [finding]
