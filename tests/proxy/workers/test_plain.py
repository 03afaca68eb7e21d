"""Configuration values survive JSON."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.config.values import Address, EndpointConfig
from metaprotocol_sdk.proxy.workers.plain import from_plain, to_plain


class Colour(enum.Enum):
    RED = "RED"
    BLUE = 2


@dataclass(frozen=True, slots=True)
class Everything:
    """Every kind of field a value may have."""

    text: str
    number: float | None
    colour: Colour
    address: Address | None
    addresses: tuple[Address, ...] = ()
    pair: tuple[int, Colour] = (1, Colour.RED)
    colours: Mapping[str, Colour] = field(default_factory=dict)


addresses = st.builds(Address, st.text(), st.integers(0, 65535))
colours = st.sampled_from(Colour)


@given(
    st.builds(
        Everything,
        st.text(),
        st.none() | st.floats(allow_nan=False),
        colours,
        st.none() | addresses,
        st.lists(addresses).map(tuple),
        st.tuples(st.integers(), colours),
        st.dictionaries(st.text(), colours),
    )
)
def test_a_value_comes_back_as_it_was(value: Everything) -> None:
    assert from_plain(Everything, json.loads(json.dumps(to_plain(value)))) == value


@given(st.builds(EndpointConfig, addresses, st.integers(1, 128)))
def test_so_does_a_servers_configuration(server: EndpointConfig) -> None:
    assert from_plain(EndpointConfig, json.loads(json.dumps(to_plain(server)))) == server
