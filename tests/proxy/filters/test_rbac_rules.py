from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.exceptions import DecodeError
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.proxy.filters.rbac_rules import Authenticated, Permission, Policy, PortRange, Principal, Rules
from metaprotocol_sdk.proxy.peer import Peer, TlsIdentity
from metaprotocol_sdk.proxy.stream import Stream
from tests.proxy.config.reading import bad, good
from tests.proxy.fakes import FakeDownstream, request, stream_of

SPIFFE = "spiffe://cluster.local/ns/shop/sa/orders"
IDENTITY = TlsIdentity(uris=(SPIFFE,), dns=("orders.example.com",), subject="CN=orders,O=Example")


def stream(peer: Peer | None = None, **strings: str) -> Stream:
    return saying(strings, peer)


def saying(strings: dict[str, str], peer: Peer | None = None) -> Stream:
    message = request()
    message.update(strings)
    downstream = FakeDownstream()
    downstream.client = peer or Peer()
    return stream_of(message, downstream=downstream)


def client(remote: str = "10.1.2.3", **more: Any) -> Peer:
    ip = ipaddress.ip_address(remote)
    return Peer(**{"remote_ip": ip, "remote_port": 50000, "direct_remote_ip": ip, **more})


def permits(text: str, asked: Stream) -> bool:
    return good(Permission, text).test()(asked)


def is_one(text: str, asked: Stream) -> bool:
    return good(Principal, text).test()(asked)


def test_any_is_everything_and_everybody() -> None:
    assert permits("{any: true}", stream())
    assert is_one("{any: true}", stream())


@pytest.mark.parametrize("model", [Permission, Principal])
def test_strings_are_matched_as_routes_match_them(model: type[Permission | Principal]) -> None:
    test = good(model, "{metadata: {name: Method, prefix_match: get}}").test()
    assert test(stream(method="getAll"))
    assert not test(stream(method="putAll"))
    assert not test(stream())


def test_strings_that_were_put_off_and_are_malformed_are_the_messages_fault() -> None:
    def fail(metadata: Metadata) -> None:
        raise DecodeError("the strings are malformed")

    asked = stream()
    asked.request.defer(fail)
    with pytest.raises(DecodeError):
        permits("{not_rule: {metadata: {name: a}}}", asked)


LOCAL = Peer(local_ip=ipaddress.ip_address("10.0.0.1"), local_port=9000)
DESTINATIONS = [
    ("{destination_port: 9000}", True),
    ("{destination_port: 9001}", False),
    ("{destination_port_range: {start: 9000, end: 9001}}", True),
    ("{destination_port_range: {start: 8000, end: 9000}}", False),
    ("{destination_port_range: {end: 65536}}", True),
    ("{destination_ip: {address_prefix: 10.0.0.0, prefix_len: 24}}", True),
    ("{destination_ip: {address_prefix: 10.0.1.0, prefix_len: 24}}", False),
]


@pytest.mark.parametrize(("text", "holds"), DESTINATIONS)
def test_a_permission_may_ask_where_the_client_has_connected_to(text: str, holds: bool) -> None:
    assert permits(text, stream(LOCAL)) is holds
    assert not permits(text, stream())  # a Unix socket has no address


SOURCES = [
    ("10.1.2.3", "10.0.0.0", 8, True),
    ("10.1.2.3", "10.1.2.3", 32, True),
    ("10.1.2.4", "10.1.2.3", 32, False),
    ("11.0.0.0", "10.0.0.0", 8, False),
    ("10.1.2.3", "0.0.0.0", 0, True),
    ("10.1.2.3", "::", 0, False),
    ("::1", "0.0.0.0", 0, False),
    ("2001:db8::1", "2001:db8::", 32, True),
    ("2001:db9::1", "2001:db8::", 32, False),
]


@pytest.mark.parametrize("field", ["source_ip", "remote_ip", "direct_remote_ip"])
@pytest.mark.parametrize(("remote", "prefix", "length", "holds"), SOURCES)
def test_a_principal_may_have_an_address_in_a_block(
    field: str, remote: str, prefix: str, length: int, holds: bool
) -> None:
    text = f"{{{field}: {{address_prefix: '{prefix}', prefix_len: {length}}}}}"
    assert is_one(text, stream(client(remote))) is holds
    assert not is_one(text, stream())


def test_the_clients_address_is_told_from_the_connections() -> None:
    behind = stream(client("192.0.2.1", direct_remote_ip=ipaddress.ip_address("10.0.0.7")))
    block = "{address_prefix: 10.0.0.0, prefix_len: 8}"
    assert is_one(f"{{direct_remote_ip: {block}}}", behind)
    assert not is_one(f"{{remote_ip: {block}}}", behind)
    assert not is_one(f"{{source_ip: {block}}}", behind)


NAMES = [
    (f"{{exact: '{SPIFFE}'}}", True),
    ("{prefix: 'spiffe://cluster.local/ns/shop/'}", True),
    ("{exact: orders.example.com}", True),
    ("{exact: ORDERS.example.com, ignore_case: true}", True),
    ("{exact: ORDERS.example.com}", False),
    ("{suffix: 'O=Example'}", True),
    ("{safe_regex: {regex: 'CN=orders,.*'}}", True),
    ("{safe_regex: {regex: 'CN=orders'}}", False),
    ("{exact: payments}", False),
]


@pytest.mark.parametrize(("name", "holds"), NAMES)
def test_a_principal_may_have_a_name_in_its_certificate(name: str, holds: bool) -> None:
    text = f"{{authenticated: {{principal_name: {name}}}}}"
    assert is_one(text, stream(client(identity=IDENTITY))) is holds


@pytest.mark.parametrize(
    "text", ["{authenticated: {}}", *(f"{{authenticated: {{principal_name: {n}}}}}" for n, _ in NAMES)]
)
def test_who_has_no_verified_certificate_is_never_authenticated(text: str) -> None:
    assert not is_one(text, stream(client()))


def test_without_a_name_any_verified_certificate_will_do() -> None:
    assert is_one("{authenticated: {}}", stream(client(identity=TlsIdentity())))


STRINGS = st.fixed_dictionaries({}, optional={key: st.sampled_from(["x", "y"]) for key in "abc"})
LEAVES = st.one_of(
    st.just({"any": True}),
    st.builds(
        lambda key, value: {"metadata": {"name": key, "exact_match": value}},
        st.sampled_from("abc"),
        st.sampled_from(["x", "y"]),
    ),
)


def trees(both: str, either: str, rules: str, neither: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.builds(lambda parts: {both: {rules: parts}}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda parts: {either: {rules: parts}}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda part: {neither: part}, inner),
        ),
        max_leaves=8,
    )


def means(tree: dict[str, Any], strings: dict[str, str]) -> bool:
    """What a rule says, read as the words do."""
    ((word, value),) = tree.items()
    match word.partition("_")[0]:
        case "and":
            return all(means(each, strings) for parts in value.values() for each in parts)
        case "or":
            return any(means(each, strings) for parts in value.values() for each in parts)
        case "not":
            return not means(value, strings)
        case "metadata":
            return strings.get(value["name"]) == str(value["exact_match"])
    return True


@given(trees("and_rules", "or_rules", "rules", "not_rule"), STRINGS)
def test_permissions_mean_what_their_words_say(tree: dict[str, Any], strings: dict[str, str]) -> None:
    assert Permission.model_validate(tree).test()(saying(strings)) is means(tree, strings)


@given(trees("and_ids", "or_ids", "ids", "not_id"), STRINGS)
def test_principals_mean_what_their_words_say(tree: dict[str, Any], strings: dict[str, str]) -> None:
    assert Principal.model_validate(tree).test()(saying(strings)) is means(tree, strings)


def test_a_policy_wants_one_permission_and_one_principal() -> None:
    policy = good(
        Policy,
        """
        permissions: [{metadata: {name: method, exact_match: get}}, {metadata: {name: method, exact_match: list}}]
        principals: [{remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}, {authenticated: {}}]
        """,
    ).test()
    assert policy(stream(client(), method="list"))
    assert policy(stream(client("192.0.2.1", identity=IDENTITY), method="get"))
    assert not policy(stream(client("192.0.2.1"), method="get"))
    assert not policy(stream(client(), method="put"))


OF_HTTP = "this is HTTP's; a message is matched by metadata: {name, exact_match}"
RULES = "and_rules, or_rules, not_rule, any, metadata, destination_ip, destination_port, destination_port_range"
IDS = "and_ids, or_ids, not_id, any, metadata, authenticated, source_ip, direct_remote_ip, remote_ip"
ANY = "{permissions: [{any: true}], principals: [{any: true}]}"
WRONG: list[tuple[Any, str, list[str]]] = [
    (
        Permission,
        "{}",
        [f"1:1 error and_rules: expected one of {RULES}"],
    ),
    (
        Principal,
        "{}",
        [f"1:1 error and_ids: expected one of {IDS}"],
    ),
    (Permission, "{any: false}", ["1:7 error any: expected true, found false"]),
    (Principal, "{any: 'true'}", ["1:7 error any: expected true, found 'true'"]),
    (
        Permission,
        "{any: true, destination_port: 1}",
        ["1:13 error destination_port: only one of any and destination_port can be given"],
    ),
    (Permission, "{header: {name: a}}", [f"1:2 error header: {OF_HTTP}"]),
    (Principal, "{url_path: {path: {exact: /}}}", [f"1:2 error url_path: {OF_HTTP}"]),
    (
        Permission,
        "{and_rules: {rules: []}}",
        ["1:21 error and_rules.rules: expected a list of at least 1, found a list"],
    ),
    (Principal, "{or_ids: {}}", ["1:10 error or_ids.ids: required, and not there"]),
    (Permission, "{not_rule: {any: no}}", ["1:18 error not_rule.any: expected true, found 'no'"]),
    (
        Permission,
        "{destination_port: 65536}",
        ["1:20 error destination_port: expected a whole number from 0 to 65535, found 65536"],
    ),
    (
        PortRange,
        "{start: 10, end: 10}",
        ["1:18 error end: expected a number over start, 10: end is excluded, so nothing would match; found 10"],
    ),
    (PortRange, "{start: 10, end: 65537}", ["1:18 error end: expected a whole number from 1 to 65536, found 65537"]),
    (
        Authenticated,
        "{principal_name: {}}",
        ["1:18 error principal_name.exact: expected one of exact, prefix, suffix, contains, safe_regex"],
    ),
    (
        Rules,
        f"{{action: REFUSE, policies: {{all: {ANY}}}}}",
        ["1:10 error action: expected one of ALLOW, DENY, LOG, found 'REFUSE'"],
    ),
    (
        Rules,
        "policies:\n  everybody: {permissions: [], principals: [{any: 1}]}",
        [
            "2:28 error policies.everybody.permissions: expected a list of at least 1, found a list",
            "2:51 error policies.everybody.principals[0].any: expected true, found 1",
        ],
    ),
    (Rules, "policies: {a: null}", ["1:15 error policies.a: expected a mapping, found null"]),
    (
        Policy,
        "{permissions: {any: true}, principals: {any: true}, condition: {}}",
        ["1:53 error condition: not supported yet by this proxy"],
    ),
]


@pytest.mark.parametrize(("model", "text", "findings"), WRONG)
def test_a_wrong_rule_says_where_and_why(model: Any, text: str, findings: list[str]) -> None:
    assert bad(model, text) == findings


def test_names_of_policies_stay_as_they_are_written() -> None:
    assert list(good(Rules, f"policies: {{shopAdmin: {ANY}, shop_admin: {ANY}}}").policies) == [
        "shopAdmin",
        "shop_admin",
    ]
