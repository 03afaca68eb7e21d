from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind, RouteConfig, RouteTableConfig
from metaprotocol_sdk.proxy.route import Route, RouteTable
from tests.proxy.fakes import request

keys = st.sampled_from("ab")
values = st.sampled_from(["", "x", "xy", "y"])
matchers = st.builds(MatcherConfig, keys, st.sampled_from([MatchKind.EXACT, MatchKind.PREFIX]), values)
routes = st.builds(RouteConfig, cluster=st.just("c"), metadata=st.lists(matchers, max_size=3).map(tuple))


def holds(matcher: MatcherConfig, strings: dict[str, str]) -> bool:
    value = strings.get(matcher.name)
    if value is None:
        return False
    return value == matcher.value if matcher.kind is MatchKind.EXACT else value.startswith(matcher.value)


@given(st.lists(routes, max_size=5), st.dictionaries(keys, values))
def test_the_first_route_whose_matchers_all_hold_wins(configs: list[RouteConfig], strings: dict[str, str]) -> None:
    table = RouteTable.from_config(RouteTableConfig(routes=tuple(configs)))
    expected = next(
        (
            route
            for config, route in zip(configs, table.routes, strict=True)
            if all(holds(each, strings) for each in config.metadata)
        ),
        None,
    )
    message = request()
    message.update(strings)
    assert table.match(message) is expected


def test_a_route_carries_what_its_configuration_says() -> None:
    config = RouteConfig(
        name="r",
        cluster="c",
        request_mutation=Mutation(a="1"),
        response_mutation=Mutation(b="2"),
        timeout=None,
    )
    assert Route.from_config(config) == Route(
        name="r", cluster="c", request_mutation=Mutation(a="1"), response_mutation=Mutation(b="2"), timeout=None
    )


def test_the_default_timeout_is_envoys() -> None:
    assert Route.from_config(RouteConfig(cluster="c")).timeout == 15.0
