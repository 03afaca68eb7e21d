"""One rule for every name of a protocol."""

from __future__ import annotations

import keyword
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metaprotocol_sdk.names import CODEC_PREFIX, MAX_PORT_NAME, ProtocolNames, fold, nearest, objection, short_name

WORDS = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
LATER_WORDS = st.from_regex(r"[a-z0-9]{1,7}", fullmatch=True)


@st.composite
def good_names(draw: st.DrawFn) -> str:
    """Names ``objection`` has nothing against, joined and spelled in every way a person would."""
    name = draw(WORDS)
    for word in draw(st.lists(LATER_WORDS, max_size=3)):
        name += draw(st.sampled_from("-_ ")) + word
    name = draw(st.sampled_from([name, name.upper(), name.title(), f" {name} "]))
    assume(not objection(name))
    return name


@pytest.mark.parametrize("name", ["my-protocol", "My Protocol", "my_protocol", " MY-PROTOCOL "])
def test_the_names_of_the_design_page(name: str) -> None:
    names = ProtocolNames.from_name(name)
    assert names == ProtocolNames("my-protocol", "my_protocol", "myprotocol", "MyProtocol")
    assert names.codec_id == "aeraki.meta_protocol.codec.my_protocol"
    assert names.port_name == "tcp-metaprotocol-myprotocol"


@given(good_names())
def test_every_name_is_good_where_it_is_used(name: str) -> None:
    names = ProtocolNames.from_name(name)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", names.project)
    assert names.package.isidentifier()
    assert not keyword.iskeyword(names.package)
    assert names.title.isidentifier()
    assert len(names.port_name) <= MAX_PORT_NAME
    assert names.port_name.split("-", 2)[2] == names.wire
    assert "-" not in names.wire


@given(good_names())
def test_all_names_of_one_protocol_find_it(name: str) -> None:
    names = ProtocolNames.from_name(name)
    assert {fold(each) for each in (names.project, names.package, names.wire, short_name(names.codec_id))} == {
        names.wire
    }


@given(st.text(max_size=70))
def test_names_are_made_exactly_when_there_is_no_objection(name: str) -> None:
    problem = objection(name)
    if problem:
        with pytest.raises(ValueError, match=re.escape(problem)):
            ProtocolNames.from_name(name)
    else:
        assert ProtocolNames.from_name(name).package.isidentifier()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "is no name for a protocol: it takes letters a-z and digits"),
        ("1st", "starts with a letter, like my-protocol"),
        ("my--protocol", "words joined by single dashes"),
        ("-my", "words joined by single dashes"),
        ("my-", "words joined by single dashes"),
        ("naïve", "letters a-z and digits"),
        ("a\nb", "letters a-z and digits"),
        ("../etc", "letters a-z and digits"),
        ("class", "is a word of Python, so no package can have it; try class-rpc"),
        ("print", "is a word of Python"),
        ("match", "is a word of Python"),
        ("socket", "is a module that exists already, which the new package would hide; try socket-rpc"),
        ("tests", "is a module that exists already"),
        (
            "metaprotocol_sdk",
            "is a module that exists already, which the new package would hide; try metaprotocol-sdk-rpc",
        ),
        ("construct", "is a module that exists already"),
        ("x" * 47, "is too long: a Kubernetes port name holds it, so it has at most 46 letters and digits"),
    ],
)
def test_a_bad_name_says_which_names_are_good(name: str, says: str) -> None:
    assert says in objection(name)


def test_a_name_as_long_as_a_port_name_can_hold_is_good() -> None:
    assert not objection("x" * 46)


@pytest.mark.parametrize("name", ["dubbo", "DUBBO", "du-bbo", "du_bbo"])
def test_a_name_taken_in_any_spelling_is_taken(name: str) -> None:
    assert "is registered already" in objection(name, taken=["thrift", CODEC_PREFIX + "dubbo"])


def test_the_nearest_name_forgives_spelling_and_not_everything() -> None:
    known = ["awesomerpc", "dubbo", "my_protocol"]
    assert nearest("dubo", known) == "dubbo"
    assert nearest("My-Protocl", known) == "my_protocol"
    assert nearest("zzz", known) == ""
    assert nearest("dubbo", []) == ""


def test_the_prefix_of_envoy_configuration_comes_off() -> None:
    assert short_name("aeraki.meta_protocol.codec.dubbo") == "dubbo"
    assert short_name("dubbo") == "dubbo"
