from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.fields import Duration
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.meta_protocol import ROUTER, MetaProtocolFilter, MetaProtocolProxy
from metaprotocol_sdk.proxy.config.values import FilterConfig, ProtocolConfig, RouteTableConfig
from tests.proxy.config.reading import WITH_IDS, WITH_WIDE_IDS, WITHOUT_IDS, bad, errors, good, read


class Delay(Message):
    """A filter's own configuration."""

    fixed_delay: Duration


class Pause(Message):
    """A filter's own configuration, all of it optional."""

    length: Duration = 1.0


PAUSE = FilterModel("pause", "type.googleapis.com/test.Pause", Pause)
DELAY = FilterModel("delay", "type.googleapis.com/test.Delay", Delay)
FILTERS = {DELAY.name: DELAY, PAUSE.name: PAUSE}
BASE = f"stat_prefix: s\nroute_config: {{}}\ncodec: {{name: '{WITH_IDS}'}}\n"


def test_the_deprecated_fields_still_say_the_protocol() -> None:
    proxy = good(MetaProtocolProxy, BASE + "application_protocol: p")
    assert proxy.protocol_value() == ProtocolConfig(name="p", codec=WITH_IDS)
    assert good(MetaProtocolProxy, BASE).protocol_value().name == WITH_IDS


def test_protocol_wins_over_the_deprecated_fields() -> None:
    codec = f"{{name: '{WITHOUT_IDS}', config: {{shape: round}}}}"
    text = BASE + f"application_protocol: old\nprotocol: {{name: new, codec: {codec}}}"
    assert good(MetaProtocolProxy, text).protocol_value() == ProtocolConfig(
        name="new", codec=WITHOUT_IDS, codec_config={"shape": "round"}
    )
    partly = good(MetaProtocolProxy, BASE + "protocol: {name: new, multiplexing: true}")
    assert partly.protocol_value() == ProtocolConfig(name="new", codec=WITH_IDS, multiplexing=True)


@pytest.mark.parametrize("seconds", ["~", "0s"])
def test_times_are_seconds_and_absent_ones_are_absent(seconds: str) -> None:
    assert good(MetaProtocolProxy, BASE + "idleTimeout: 2.5s").idle_timeout == 2.5
    assert not good(MetaProtocolProxy, BASE + f"idle_timeout: {seconds}").idle_timeout
    assert good(MetaProtocolProxy, BASE + "requestTimeout: 2.5s").request_timeout == 2.5
    assert not good(MetaProtocolProxy, BASE + f"request_timeout: {seconds}").request_timeout


def test_multiplexing_needs_request_ids() -> None:
    protocol = f"protocol:\n  name: p\n  codec: {{name: '{WITHOUT_IDS}'}}\n  multiplexing: true\n"
    text = "stat_prefix: s\nroute_config: {}\n" + protocol
    (finding,) = bad(MetaProtocolProxy, text)
    assert finding.startswith(f"6:17 error protocol.multiplexing: expected false: messages of '{WITHOUT_IDS}' have no ")
    assert bad(MetaProtocolProxy, text.replace(WITHOUT_IDS, WITH_IDS)) == []
    assert bad(MetaProtocolProxy, text.replace(WITHOUT_IDS, WITH_WIDE_IDS)) == []


def test_a_protocol_without_a_codec_says_how_one_is_named() -> None:
    missing = "required, and not there: protocol: {name: …, codec: {name: …}} says what is spoken here"
    assert bad(MetaProtocolProxy, "{stat_prefix: s, route_config: {}}") == [f"1:1 error protocol: {missing}"]
    assert bad(MetaProtocolProxy, "{stat_prefix: s, route_config: {}, protocol: {name: p}}") == [
        f"1:46 error protocol.codec: {missing}"
    ]


def test_routes_are_needed_from_one_place() -> None:
    text = BASE.replace("route_config: {}\n", "")
    assert bad(MetaProtocolProxy, text) == ["1:1 error route_config: required, and not there"]
    rds = "rds: {route_config_name: r, config_source: {ads: {}}}\n"
    assert "only one of route_config and rds can be given" in bad(MetaProtocolProxy, BASE + rds)[-1]


WAITING = """\
rds: {route_config_name: r, configSource: {resource_api_version: V3}}
tracing: {client_sampling: {value: 12.5}, provider: {name: zipkin}}
access_log:
- name: envoy.access_loggers.file
  typed_config: {'@type': type.googleapis.com/f.File, path: /dev/stdout}
- name: other
meta_protocol_filters:
- name: aeraki.meta_protocol.filters.ratelimit
  config:
    '@type': type.googleapis.com/aeraki.meta_protocol_proxy.filters.ratelimit.v1alpha.RateLimit
    match: {metadata: [{name: n, exact_match: x}]}
    domain: production
    timeout: 0.05s
    failure_mode_deny: true
    descriptors: {property: n, descriptor_key: n}
    rate_limit_service: {grpc_service: {envoy_grpc: {cluster_name: ratelimit}}}
- name: aeraki.meta_protocol.filters.istio_stats
- name: aeraki.meta_protocol.filters.router
"""


def test_what_waits_is_read_and_says_once_what_happens_meanwhile() -> None:
    proxy, findings = read(MetaProtocolProxy, BASE.replace("route_config: {}\n", "") + WAITING)
    assert [each.split(" ", 1)[1] for each in findings] == [
        (
            "note rds: accepted; routes from a management server are not there yet: this listener has none, so every "
            "request gets the error that no route matches"
        ),
        "note tracing: accepted; tracing is not there yet: no request leaves a trace",
        "note access_log: accepted; the access log is not there yet: no request is written to it",
        (
            "note meta_protocol_filters[0].name: accepted; the global rate limit is not there yet: no request is "
            "counted or refused by it"
        ),
        (
            "note meta_protocol_filters[1].name: accepted; Istio's metrics are not there yet: the proxy counts under "
            "its own names alone"
        ),
    ]
    assert proxy is not None
    assert proxy.routes_value() == RouteTableConfig(name="r")
    assert proxy.filters_value() == (FilterConfig(name=ROUTER.name),)


def test_what_waits_is_checked_all_the_same() -> None:
    text = BASE.replace("route_config: {}\n", "") + WAITING
    for old, new in {
        "route_config_name: r, ": "", "12.5": "101", "type.googleapis.com/f.File": "5",
        "name: other": "nam: other\n  typed_config: 5",
        "domain: production": "domain: ''", "0.05s": "50ms", "descriptor_key: n": "descriptor_key: ''",
    }.items():  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    limit = "meta_protocol_filters[0].config"
    assert errors(bad(MetaProtocolProxy, text)) == [
        "rds.route_config_name: required, and not there",
        "tracing.client_sampling.value: expected a number from 0 to 100, found 101",
        "access_log[0].typed_config.@type: expected a type, as type.googleapis.com/…, found 5",
        "access_log[1].nam: unknown key 'nam'; did you mean name?",
        "access_log[1].name: required, and not there",
        "access_log[1].typed_config: expected a mapping, found 5",
        f"{limit}.domain: expected text that is not empty",
        f"{limit}.timeout: expected seconds with an s, such as 0.05s, found '50ms'",
        f"{limit}.descriptors.descriptor_key: expected text that is not empty",
    ]


def test_somebodys_own_filter_by_a_name_that_waits_is_the_one() -> None:
    own = FilterModel("aeraki.meta_protocol.filters.ratelimit", DELAY.type_url, Delay)
    text = f"{BASE}meta_protocol_filters:\n- name: {own.name}\n  config: {{'@type': {own.type_url}, fixed_delay: 1s}}\n"
    proxy = good(MetaProtocolProxy, f"{text}- name: {ROUTER.name}\n", filters={own.name: own})
    assert [each.name for each in proxy.filters_value()] == [own.name, ROUTER.name]


def test_how_many_requests_of_a_client_are_in_flight_is_said_or_the_default() -> None:
    assert good(MetaProtocolProxy, BASE).max_concurrent_requests == 256
    assert good(MetaProtocolProxy, BASE + "maxConcurrentRequests: 1").max_concurrent_requests == 1
    assert bad(MetaProtocolProxy, BASE + "max_concurrent_requests: 0") == [
        "4:26 error max_concurrent_requests: expected a whole number from 1 to 4294967295, found 0"
    ]


def test_connections_are_bound_with_and_without_multiplexing() -> None:
    text = f"stat_prefix: s\nroute_config: {{}}\nprotocol: {{name: p, codec: {{name: '{WITH_IDS}'}}, %s}}"
    for also, multiplexing in (("", False), (", multiplexing: true", True)):
        proxy = good(MetaProtocolProxy, text.replace("%s", "bindUpstreamConnection: true" + also))
        assert proxy.protocol_value() == ProtocolConfig(
            name="p", codec=WITH_IDS, bind_upstream_connection=True, multiplexing=multiplexing
        )
    assert errors(bad(MetaProtocolProxy, BASE + "bind_upstream_connection: true")) == [
        "bind_upstream_connection: belongs in protocol: {…}"
    ]


def test_without_filters_there_is_the_router() -> None:
    router = (FilterConfig(name=ROUTER.name),)
    assert good(MetaProtocolProxy, BASE).filters_value() == router
    assert good(MetaProtocolProxy, BASE + "meta_protocol_filters: []").filters_value() == router
    assert good(MetaProtocolProxy, BASE + f"metaProtocolFilters: {{name: {ROUTER.name}}}").filters_value() == router


@pytest.mark.parametrize("key", ["config", "typed_config", "typedConfig"])
def test_a_filters_configuration_is_read_by_the_model_it_declares(key: str) -> None:
    delay = f"- name: delay\n  {key}: {{'@type': {DELAY.type_url}, fixedDelay: 0.5s}}\n"
    text = f"{BASE}meta_protocol_filters:\n{delay}- name: {ROUTER.name}\n"
    assert good(MetaProtocolProxy, text, filters=FILTERS).filters_value() == (
        FilterConfig(name="delay", config=Delay.model_validate({"fixed_delay": "0.5s"})),
        FilterConfig(name=ROUTER.name),
    )


def test_the_router_is_the_last_filter_and_only_that() -> None:
    last = f"expected {ROUTER.name} as the last filter"
    ends = "expected the router to be the last filter: it ends the chain"
    assert bad(MetaProtocolProxy, BASE + "meta_protocol_filters: [{name: pause}]", filters=FILTERS) == [
        f"4:32 error meta_protocol_filters[0].name: {last}"
    ]
    text = BASE + f"meta_protocol_filters:\n- name: {ROUTER.name}\n- name: pause\n"
    assert bad(MetaProtocolProxy, text, filters=FILTERS) == [
        f"5:9 error meta_protocol_filters[0].name: {ends}",
        f"6:9 error meta_protocol_filters[1].name: {last}",
    ]


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("name: delai", "1:7 error name: no filter is named 'delai'; did you mean delay?"),
        ("name: router", f"1:7 error name: no filter is named 'router'; did you mean {ROUTER.name}?"),
        ("name: rooter", f"1:7 error name: no filter is named 'rooter'; did you mean {ROUTER.name}?"),
        (
            "name: xyzzy",
            (
                f"1:7 error name: no filter is named 'xyzzy'; known are {ROUTER.name}, delay, pause. "
                "One of your own is known once the project that registers it in metaprotocol.filters is installed"
            ),
        ),
        ("config: {}", "1:1 error name: required, and not there"),
        ("{name: delay, config: 5}", "1:23 error config: expected a mapping, found 5"),
        (
            "{name: delay, config: {fixed_delay: 1s}}",
            f"1:23 error config.@type: required, and not there: it says the type, {DELAY.type_url}",
        ),
        (
            "{name: delay, config: {'@type': x, fixed_delay: 1s}}",
            f"1:33 error config.@type: expected {DELAY.type_url}, found 'x'",
        ),
        (
            f"{{name: delay, config: {{'@type': {DELAY.type_url}}}}}",
            "1:23 error config.fixed_delay: required, and not there",
        ),
        (
            f"{{name: {ROUTER.name}, config: {{'@type': {ROUTER.type_url}, x: 1}}}}",
            "1:141 error config.x: unknown key 'x'; known are none",
        ),
        (
            "{name: pause, config: ~, typed_config: ~, x: 1}",
            "1:43 error x: unknown key 'x'; known are name, config, typed_config",
        ),
    ],
)
def test_a_wrong_filter_says_where_and_why(text: str, finding: str) -> None:
    assert bad(MetaProtocolFilter, text, filters=FILTERS) == [finding]


def test_a_filters_own_mistakes_stand_at_their_place_in_the_file() -> None:
    text = f"name: delay\nconfig:\n  '@type': {DELAY.type_url}\n  fixed_delay: 5\n  fixt_delay: 1s\n"
    assert bad(MetaProtocolFilter, text, filters=FILTERS) == [
        "4:16 error config.fixed_delay: expected seconds with an s, such as 5s or 0.25s, found 5",
        "5:3 error config.fixt_delay: unknown key 'fixt_delay'; did you mean fixed_delay?",
    ]


def test_a_filter_without_configuration_has_what_its_model_says_by_default() -> None:
    text = f"{BASE}meta_protocol_filters: [{{name: pause}}, {{name: {ROUTER.name}}}]\n"
    made = good(MetaProtocolProxy, text, filters=FILTERS).filters_value()
    assert made[0] == FilterConfig(name="pause", config=Pause())


@pytest.mark.parametrize("text", ["name: delay", "{name: delay, config: ~}"])
def test_a_filter_that_must_be_told_something_says_what_is_missing(text: str) -> None:
    assert bad(MetaProtocolFilter, text, filters=FILTERS) == ["1:1 error config.fixed_delay: required, and not there"]
