from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.fraction import FractionalPercent, RuntimeFractionalPercent
from tests.proxy.config.reading import PROXY_TYPE, WITH_IDS, bad, good, read


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("{}", 0.0),
        ("{numerator: 50}", 0.5),
        ("{numerator: '25', denominator: HUNDRED}", 0.25),
        ("{numerator: 25, denominator: TEN_THOUSAND}", 0.0025),
        ("{numerator: 25, denominator: MILLION}", 0.000025),
        ("{numerator: 100}", 1.0),
    ],
)
def test_a_fraction_is_a_share(text: str, share: float) -> None:
    assert good(FractionalPercent, text).value() == share


def test_a_wrong_fraction_says_where_and_why() -> None:
    assert bad(FractionalPercent, "{numerator: 1, denominator: [x]}") == [
        "1:29 error denominator: expected one of HUNDRED, TEN_THOUSAND, MILLION, found a list"
    ]
    assert bad(FractionalPercent, "{numerator: -1, denominator: THOUSAND}") == [
        "1:13 error numerator: expected a whole number from 0 to 4294967295, found -1",
        "1:30 error denominator: expected one of HUNDRED, TEN_THOUSAND, MILLION, found 'THOUSAND'",
    ]


@pytest.mark.parametrize(("denominator", "of"), [("HUNDRED", 100), ("TEN_THOUSAND", 10_000), ("MILLION", 1_000_000)])
def test_more_than_all_is_all_and_told(denominator: str, of: int) -> None:
    assert good(FractionalPercent, f"{{numerator: {of}, denominator: {denominator}}}").value() == 1.0
    fraction, findings = read(FractionalPercent, f"{{numerator: {of + 1}, denominator: {denominator}}}")
    assert fraction is not None
    assert fraction.value() == 1.0
    assert findings == [f"1:13 warning numerator: {of + 1} of {of} is more than all, and taken for all"]


def test_a_fraction_without_default_value_is_nothing_and_told() -> None:
    fraction, findings = read(RuntimeFractionalPercent, "{}")
    assert fraction is not None
    assert fraction.value() == 0.0
    assert findings == ["1:1 warning : without default_value the share is 0: this does nothing"]


MIRRORED = """\
layered_runtime: {{layers: [{layers}]}}
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: 9090}}}}
    filter_chains:
      filters:
        name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': {type}
          stat_prefix: s
          codec: {{name: '{codec}'}}
          route_config:
            routes:
              route: {{cluster: c, request_mirror_policies: {{cluster: c, runtime_fraction: {fraction}}}}}
  clusters: {{name: c}}
"""


def mirrored(layers: str, fraction: str) -> tuple[float, list[str]]:
    """The share of a mirror, and what is said about the file without its path."""
    bootstrap, findings = read(
        Bootstrap, MIRRORED.format(type=PROXY_TYPE, codec=WITH_IDS, layers=layers, fraction=fraction)
    )
    assert bootstrap is not None
    (mirror,) = bootstrap.value().listeners[0].routes.routes[0].mirrors
    return mirror.fraction, [
        each.split(": ", 1)[0].rsplit(".", 1)[-1] + ": " + each.split(": ", 1)[1] for each in findings
    ]


KEYED = "{default_value: {numerator: 50}, runtime_key: a.b}"


@pytest.mark.parametrize(
    ("layers", "share"),
    [
        ("{name: l, static_layer: {a.b: 20}}", 0.2),
        ("{name: l, static_layer: {a: {b: 20}}}", 0.2),
        ("{name: l, static_layer: {a: {b: {numerator: 2, denominator: TEN_THOUSAND}}}}", 0.0002),
        ("{name: l, static_layer: {a.b: {numerator: 2}}}", 0.02),
        ("{name: l, static_layer: {a.b: {}}}", 0.0),
        ("{name: l, static_layer: {a.b: '7'}}", 0.07),
        ("{name: l, static_layer: {a.b: 7.0}}", 0.07),
        ("{name: l, static_layer: {a.b: 101}}", 1.0),
        ("{name: l, static_layer: {a.b: 1}}, {name: m, staticLayer: {a: {b: 2}}}, {name: n, static_layer: {}}", 0.02),
        ("{name: l, static_layer: {}}", 0.5),
        ("", 0.5),
    ],
)
def test_a_static_layer_overrides_the_fraction_it_names(layers: str, share: float) -> None:
    assert mirrored(layers, KEYED) == (share, [])


@pytest.mark.parametrize(
    ("value", "shown"),
    [("12.5", "12.5"), ("-1", "-1"), ("true", "true"), ("x", "'x'"), ("{numerator: x}", "a mapping")],
)
def test_an_override_that_is_no_share_is_told_and_does_not_count(value: str, shown: str) -> None:
    assert mirrored(f"{{name: l, static_layer: {{a.b: {value}}}}}", KEYED) == (
        0.5,
        [f"runtime_key: layered_runtime has {shown} for it, which is no share; default_value counts"],
    )


def test_a_key_that_nothing_names_is_told() -> None:
    told = (
        "static_layer: without effect in this proxy, which looks up the runtime_key of fractions and numbers, and "
        "upstream.maintenance_mode.<cluster> only: c, d.e"
    )
    assert mirrored("{name: l, static_layer: {a.b: 20, d: {e: 1}, c: 2}}", KEYED) == (0.2, [told])


def test_layers_count_wherever_they_stand() -> None:
    first, rest = MIRRORED.format(
        type=PROXY_TYPE, codec=WITH_IDS, layers="{name: l, static_layer: {a.b: 20}}", fraction=KEYED
    ).split("\n", 1)
    bootstrap = good(Bootstrap, f"{rest}{first}\n")
    assert bootstrap.value().listeners[0].routes.routes[0].mirrors[0].fraction == 0.2
