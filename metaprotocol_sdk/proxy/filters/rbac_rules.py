"""Rules of access: ``envoy.config.rbac.v3``, and the tests of streams they are made into.

A test is a plain function. What it asks is prepared when it is made: matchers, blocks of addresses, regular
expressions.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar

from pydantic import Field, PlainValidator

from metaprotocol_sdk.proxy.config.cidr import CidrRange
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import MAX_PORT, OURS, Kind, Port, Repeated, Whole, word
from metaprotocol_sdk.proxy.config.matcher import HeaderMatcher, StringMatcher
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import MatcherConfig
from metaprotocol_sdk.proxy.match import Matcher, all_match
from metaprotocol_sdk.proxy.peer import Ip, Peer
from metaprotocol_sdk.proxy.stream import Stream

StreamTest = Callable[[Stream], bool]
"""Whether a rule holds for a stream. It raises DecodeError when strings that were put off are malformed."""

_OF_HTTP = "this is HTTP's; a message is matched by metadata: {name, exact_match}"


class Action(enum.Enum):
    """``envoy.config.rbac.v3.RBAC.Action``: what becomes of a request that a policy matches."""

    ALLOW = "ALLOW"
    DENY = "DENY"
    LOG = "LOG"


def read_any(value: object) -> bool:
    """What ``any`` can be.

    Raises:
        ValueError: It is not true.
    """
    if value is True:
        return True
    raise expected("true", value)


Always = Annotated[bool, PlainValidator(read_any), Kind("`true`")]
"""A rule that always holds."""


class PortRange(Message):
    """``envoy.type.v3.Int32Range``: ports from ``start`` on, below ``end``."""

    start: Port = 0
    """The lowest."""

    end: Annotated[int, PlainValidator(Whole(1, MAX_PORT + 1))]
    """The first above that is none of them."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a range that has nothing in it."""
        start, end = fields.get("start") or 0, fields.get("end")
        if type(start) is int and type(end) is int and 1 <= end <= start:
            problem = f"expected a number over start, {start}: end is excluded, so nothing would match; found {end}"
            context.report.error(fields.value_place("end"), problem)


class Permission(Message):
    """``envoy.config.rbac.v3.Permission``: what is asked for."""

    refused: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("header", "url_path", "uri_template"), _OF_HTTP),
        **not_yet("requested_server_name", "matcher", "sourced_metadata"),
    }
    one_of = (
        OneOf(
            (
                "and_rules", "or_rules", "not_rule", "any", "metadata", "destination_ip", "destination_port",
                "destination_port_range", *refused,
            ),
            "expected one of and_rules, or_rules, not_rule, any, metadata, destination_ip, destination_port, "
            "destination_port_range",
        ),
    )  # fmt: skip

    and_rules: PermissionSet | None = None
    """All of these hold."""

    or_rules: PermissionSet | None = None
    """One of these holds."""

    not_rule: Permission | None = None
    """This does not hold."""

    any: Always | None = None
    """Everything is."""

    metadata: Annotated[HeaderMatcher | None, OURS] = None
    """A string of the request is what it must be."""

    destination_ip: CidrRange | None = None
    """The client has connected to an address of this block."""

    destination_port: Port | None = None
    """It has connected to this port."""

    destination_port_range: PortRange | None = None
    """It has connected to one of these ports."""

    def test(self) -> StreamTest:
        """What asks it of a stream."""
        if self.and_rules is not None:
            return _all_of(each.test() for each in self.and_rules.rules)
        if self.or_rules is not None:
            return one_of(each.test() for each in self.or_rules.rules)
        if self.not_rule is not None:
            return _negated(self.not_rule.test())
        if self.metadata is not None:
            return _string(self.metadata)
        if self.destination_ip is not None:
            return _address(self.destination_ip, lambda peer: peer.local_ip)
        if self.destination_port is not None:
            return _ports(range(self.destination_port, self.destination_port + 1))
        if self.destination_port_range is not None:
            return _ports(range(self.destination_port_range.start, self.destination_port_range.end))
        return _always


class PermissionSet(Message):
    """``envoy.config.rbac.v3.Permission.Set``."""

    rules: Annotated[Repeated[Permission], Field(min_length=1)]
    """The rules."""


class Authenticated(Message):
    """``envoy.config.rbac.v3.Principal.Authenticated``: a client whose certificate was verified."""

    principal_name: StringMatcher | None = None
    """One of its names is this: a URI or DNS name among the subject alternative names, or the subject, as
    `CN=orders,O=Example`. Not given: any such client."""

    def test(self) -> StreamTest:
        """What asks it of a stream."""
        if self.principal_name is None:
            return lambda stream: stream.peer.identity is not None
        kind, value = self.principal_name.asked()
        config = MatcherConfig("principal_name", kind, value, ignore_case=self.principal_name.ignore_case)
        is_named = Matcher.from_config(config).test

        def is_authenticated(stream: Stream) -> bool:
            identity = stream.peer.identity
            return identity is not None and any(map(is_named, identity.names))

        return is_authenticated


class Principal(Message):
    """``envoy.config.rbac.v3.Principal``: who asks."""

    refused: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("header", "url_path"), _OF_HTTP),
        **not_yet("filter_state", "sourced_metadata", "custom"),
    }
    one_of = (
        OneOf(
            (
                "and_ids", "or_ids", "not_id", "any", "metadata", "authenticated", "source_ip", "direct_remote_ip",
                "remote_ip", *refused,
            ),
            "expected one of and_ids, or_ids, not_id, any, metadata, authenticated, source_ip, direct_remote_ip, "
            "remote_ip",
        ),
    )  # fmt: skip

    and_ids: PrincipalSet | None = None
    """All of these hold."""

    or_ids: PrincipalSet | None = None
    """One of these holds."""

    not_id: Principal | None = None
    """This does not hold."""

    any: Always | None = None
    """Everybody does."""

    metadata: Annotated[HeaderMatcher | None, OURS] = None
    """A string of the request is what it must be. The client chooses it."""

    authenticated: Authenticated | None = None
    """The client's certificate was verified, and says this."""

    source_ip: CidrRange | None = None
    """As `remote_ip`; Envoy calls it deprecated."""

    direct_remote_ip: CidrRange | None = None
    """The connection comes from an address of this block."""

    remote_ip: CidrRange | None = None
    """The client has an address of this block."""

    def test(self) -> StreamTest:
        """What asks it of a stream."""
        if self.and_ids is not None:
            return _all_of(each.test() for each in self.and_ids.ids)
        if self.or_ids is not None:
            return one_of(each.test() for each in self.or_ids.ids)
        if self.not_id is not None:
            return _negated(self.not_id.test())
        if self.metadata is not None:
            return _string(self.metadata)
        if self.authenticated is not None:
            return self.authenticated.test()
        if self.direct_remote_ip is not None:
            return _address(self.direct_remote_ip, lambda peer: peer.direct_remote_ip)
        block = self.remote_ip or self.source_ip
        return _always if block is None else _address(block, lambda peer: peer.remote_ip)


class PrincipalSet(Message):
    """``envoy.config.rbac.v3.Principal.Set``."""

    ids: Annotated[Repeated[Principal], Field(min_length=1)]
    """The rules."""


class Policy(Message):
    """``envoy.config.rbac.v3.Policy``: it matches when one of ``permissions`` and one of ``principals`` do."""

    refused = not_yet("condition", "checked_condition", "cel_config")

    permissions: Annotated[Repeated[Permission], Field(min_length=1)]
    """What is asked for."""

    principals: Annotated[Repeated[Principal], Field(min_length=1)]
    """Who asks."""

    def test(self) -> StreamTest:
        """What asks it of a stream."""
        permissions = one_of(each.test() for each in self.permissions)
        principals = one_of(each.test() for each in self.principals)
        return lambda stream: permissions(stream) and principals(stream)


Permission.model_rebuild()
Principal.model_rebuild()


class Rules(Message):
    """``envoy.config.rbac.v3.RBAC``."""

    refused = not_yet("audit_logging_options", "audit_condition", "audit_log")

    action: Annotated[Action, PlainValidator(word({each.value: each for each in Action})), Kind(
        ", ".join(f"`{each.value}`" for each in Action)
    )] = Action.ALLOW  # fmt: skip
    """`ALLOW`: requests that a policy matches pass, no others. `DENY`: they do not, all others do. `LOG`: all pass, and
    those that a policy matches are counted."""

    policies: Annotated[dict[str, Policy], Kind("mapping of names", Policy)] = Field(default_factory=dict)
    """One that matches is enough. None: `ALLOW` lets nothing pass, and `DENY` everything."""


def one_of(tests: Iterable[StreamTest]) -> StreamTest:
    """Whether one of them holds; none after the first that does is asked."""
    asked = tuple(tests)
    if len(asked) == 1:
        return asked[0]

    def holds(stream: Stream) -> bool:
        for test in asked:  # noqa: SIM110  a generator costs as much as a few tests
            if test(stream):
                return True
        return False

    return holds


def _all_of(tests: Iterable[StreamTest]) -> StreamTest:
    asked = tuple(tests)

    def hold(stream: Stream) -> bool:
        for test in asked:  # noqa: SIM110  as above
            if not test(stream):
                return False
        return True

    return hold


def _negated(test: StreamTest) -> StreamTest:
    return lambda stream: not test(stream)


def _always(stream: Stream) -> bool:  # noqa: ARG001
    return True


def _string(matcher: HeaderMatcher) -> StreamTest:
    matchers = (Matcher.from_config(matcher.value()),)
    return lambda stream: all_match(matchers, stream.request)


def _address(block: CidrRange, which: Callable[[Peer], Ip | None]) -> StreamTest:
    network = block.network()

    def is_in(stream: Stream) -> bool:
        ip = which(stream.peer)
        return ip is not None and ip in network

    return is_in


def _ports(ports: range) -> StreamTest:
    return lambda stream: stream.peer.local_port in ports
