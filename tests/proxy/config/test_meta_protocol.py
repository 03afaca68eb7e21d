from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.fields import Duration
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.meta_protocol import ROUTER, MetaProtocolFilter, MetaProtocolProxy
from metaprotocol_sdk.proxy.config.values import FilterConfig, ProtocolConfig
from tests.proxy.config.reading import WITH_IDS, WITH_WIDE_IDS, WITHOUT_IDS, bad, good

NOT_YET = "not supported yet by this proxy"


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


def test_routes_are_needed_and_only_static_ones_are_supported() -> None:
    text = BASE.replace("route_config: {}\n", "")
    assert bad(MetaProtocolProxy, text) == ["1:1 error route_config: required, and not there"]
    assert bad(MetaProtocolProxy, text + "rds: {}") == [f"3:1 error rds: {NOT_YET}"]


def test_what_upstream_has_and_we_do_not_is_refused_by_name() -> None:
    assert bad(MetaProtocolProxy, BASE + "tracing: {}\naccessLog: []\n") == [
        f"4:1 error tracing: {NOT_YET}",
        f"5:1 error access_log: {NOT_YET}",
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
        (
            "name: aeraki.meta_protocol.filters.ratelimit",
            f"1:7 error name: 'aeraki.meta_protocol.filters.ratelimit' is {NOT_YET}",
        ),
        ("name: delai", "1:7 error name: no filter is named 'delai'; did you mean delay?"),
        ("name: xyzzy", f"1:7 error name: no filter is named 'xyzzy'; known are {ROUTER.name}, delay, pause"),
        ("config: {}", "1:1 error name: required, and not there"),
        ("{name: delay, config: 5}", "1:23 error config: expected a mapping, found 5"),
        (
            "{name: delay, config: {fixed_delay: 1s}}",
            "1:23 error config.@type: required, and not there: it says the type, as type.googleapis.com/…",
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
