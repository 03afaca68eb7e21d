"""The machine: what clients, servers and time may do next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from tests.integration.machine import ending
from tests.integration.machine.book import Client, Link, Talk
from tests.integration.machine.change import Changes
from tests.integration.machine.dialect import FRAMES
from tests.integration.machine.setup import Setup, changes, servers, setups
from tests.integration.machine.wire import Site
from tests.integration.machine.world import World

MOST_CLIENTS = 4
_T = TypeVar("_T")

numbers = st.integers(0, 7)
sizes = st.sampled_from([0, 0, 0, 3000, 20_000])
Messages = list[tuple[str, int, int]]
flags = st.sampled_from([each for each in HealthFlag if each is not HealthFlag.FAILED_OUTLIER_CHECK])  # the proxy's own
cuts = st.none() | st.integers(0, 30_000)
messages = st.tuples(st.sampled_from(["request", "request", "request", "oneway", "ping"]), st.integers(0, 2), sizes)


def pick(choices: Sequence[_T], number: int) -> _T:
    return choices[number % len(choices)]


class ProxyMachine(RuleBasedStateMachine):
    """Random clients, servers and failures around one proxy. Whom a rule is about is a number, counted round those
    it can be about."""

    world: World | None = None

    @initialize(
        setup=setups(),
        end=st.sampled_from(["rest", "rest", "drain", "stop"]),
        first=st.lists(messages, min_size=1, max_size=4),
        second=st.lists(messages, min_size=1, max_size=4),
    )
    def start(self, setup: Setup, end: str, first: Messages, second: Messages) -> None:
        self.end = end
        self.world = World(setup, note)
        self.changes = Changes(self.world)
        for number, what in enumerate((first, second)):
            self.world.speak(self.world.connect(number), what, None)
        self.settle()

    @property
    def there(self) -> World:
        assert self.world is not None
        return self.world

    def teardown(self) -> None:
        if self.world is None:
            return
        world, self.world = self.world, None
        try:
            if not world.has_failed:
                self.changes.give_up()
                ending.finish(world, self.end)
        except BaseException:
            world.has_failed = True
            raise
        finally:
            if world.has_failed:
                ending.abandon(world)

    # Whom a rule may be about.

    def speakers(self) -> list[Client]:
        """Clients that may say something new."""
        return [each for each in self.there.clients if each.can_speak and "nonsense" not in each.causes]

    def open_clients(self) -> list[Client]:
        return [each for each in self.there.clients if each.is_open]

    def talks(self) -> list[Talk]:
        return [talk for client in self.speakers() for talk in client.talks.values() if not talk.is_client_closed]

    def served_talks(self) -> list[Talk]:
        talks = [link.talk for link in self.there.links if link.talk is not None and link.can_speak]
        return [talk for talk in talks if not talk.is_server_closed]

    def links(self) -> list[Link]:
        return [each for each in self.there.links if each.can_speak]

    def site(self, number: int) -> Site:
        return pick(self.there.sites, number)

    def settle(self) -> None:
        world = self.there
        world.has_failed = True  # unless nothing below raises: what failed first is what is to be told
        world.settle()
        world.check_progress()
        world.has_failed = False

    # Clients.

    @precondition(lambda self: len(self.open_clients()) < MOST_CLIENTS)
    @rule(count=st.integers(1, 2))
    def clients_come(self, count: int) -> None:
        for _ in range(count):
            self.there.connect(1 + len(self.there.clients))  # the latest listener first
        self.settle()

    @precondition(lambda self: self.speakers())
    @rule(client=numbers, what=st.lists(messages, min_size=1, max_size=4), cut=cuts)
    def client_says(self, client: int, what: Messages, cut: int | None) -> None:
        self.there.speak(pick(self.speakers(), client), what, cut)
        self.settle()

    @precondition(lambda self: self.speakers())
    @rule(client=numbers, what=st.lists(messages, min_size=1, max_size=4))
    def client_says_at_once(self, client: int, what: Messages) -> None:
        self.client_says(client, what, None)

    @precondition(lambda self: any(each.rest for each in [*self.speakers(), *self.links()]))
    @rule(who=numbers)
    def somebody_goes_on(self, who: int) -> None:
        pick([each for each in [*self.speakers(), *self.links()] if each.rest], who).go_on()
        self.settle()

    @precondition(lambda self: self.open_clients())
    @rule(client=numbers, how=st.sampled_from(["half-close", "close", "reset"]))
    def client_ends(self, client: int, how: str) -> None:
        chosen = pick(self.open_clients(), client)
        self.there.ends(chosen)
        if how == "half-close":
            chosen.half_close()
            chosen.cut_off()
        else:
            (chosen.close if how == "close" else chosen.reset)()
        self.settle()

    @precondition(lambda self: self.open_clients() or self.links())
    @rule(who=numbers)
    def somebody_stops_reading_or_reads_again(self, who: int) -> None:
        chosen = pick([*self.open_clients(), *self.links()], who)
        chosen.is_reading = not chosen.is_reading
        chosen.has_paused = True
        if isinstance(chosen, Link):
            self.there.book.facts.add("stall")
        self.settle()

    @precondition(lambda self: self.speakers())
    @rule(client=numbers, is_kind=st.booleans())
    def client_says_nonsense(self, client: int, is_kind: bool) -> None:
        chosen = pick(self.speakers(), client)
        chosen.go_on()
        dialect = self.there.book.dialect
        chosen.say(dialect.write("reply", 1, b"mine") if is_kind and dialect.has_ids else dialect.garbage)
        chosen.causes.add("nonsense")
        self.settle()

    # Streams of frames.

    @precondition(lambda self: self.there.setup.has_ids and self.speakers())
    @rule(client=numbers, frames=st.lists(sizes, max_size=3))
    def client_opens_stream(self, client: int, frames: list[int]) -> None:
        talk = self.there.open_talk(pick(self.speakers(), client))
        for size in frames:
            self.there.client_frame(talk, "data", size)
        self.settle()

    @precondition(lambda self: self.talks())
    @rule(talk=numbers, kind=st.sampled_from(["data", "data", "close", "close both"]), size=sizes)
    def client_sends_frame(self, talk: int, kind: str, size: int) -> None:
        self.there.client_frame(pick(self.talks(), talk), kind, size)
        self.settle()

    @precondition(lambda self: self.served_talks())
    @rule(
        talk=numbers,
        kind=st.sampled_from(["data", "data", "data", "close", "close both", "reply", "error"]),
        size=sizes,
    )
    def server_sends_frame(self, talk: int, kind: str, size: int) -> None:
        chosen = pick(self.served_talks(), talk)
        if kind in FRAMES:
            self.there.server_frame(chosen, kind, size)
        else:
            self.there.server_answers_opening(chosen, kind)
        self.settle()

    # Servers.

    @precondition(lambda self: self.there.unanswered())
    @rule(
        which=numbers,
        count=st.integers(1, 4),
        how=st.sampled_from(["reply", "reply", "reply", "error", "twice", "strange id", "ping"]),
        size=sizes,
        cut=cuts,
    )
    def server_answers(self, which: int, count: int, how: str, size: int, cut: int | None) -> None:
        first = pick(self.there.unanswered(), which)
        others = [each for each in reversed(first.link.unanswered) if each is not first]
        self.there.answer(first.link, [first, *others[: count - 1]], how, size, cut)
        self.settle()

    @precondition(lambda self: self.there.unanswered())
    @rule(which=numbers, count=st.integers(1, 4))
    def server_answers_at_once(self, which: int, count: int) -> None:
        self.server_answers(which, count, "reply", 0, None)

    @precondition(lambda self: self.links())
    @rule(link=numbers, how=st.sampled_from(["half-close", "close", "reset", "garbage"]))
    def server_fails(self, link: int, how: str) -> None:
        self.there.fail_link(pick(self.links(), link), how)
        self.settle()

    @precondition(lambda self: self.links())
    @rule(link=numbers)
    def server_pings(self, link: int) -> None:
        chosen = pick(self.links(), link)
        chosen.pings += 1
        chosen.say(self.there.book.dialect.write("ping", 0, b""))
        self.settle()

    @rule(site=numbers, how=st.sampled_from(["refuses", "accepts nobody"]))
    def server_is_away_or_back(self, site: int, how: str) -> None:
        chosen = self.site(site)
        if how == "accepts nobody":
            chosen.is_accepting = not chosen.is_accepting
            self.there.book.facts.add("stall")
        elif chosen.is_listening:
            self.there.book.facts.add("server failed")
            chosen.refuse()
        else:
            chosen.listen()
        self.settle()

    # Changes.

    def change(self, how: Callable[[], None]) -> None:
        self.there.has_failed = True
        how()
        self.settle()

    @rule(what=changes())
    def configuration_changes(self, what: dict[str, Any]) -> None:
        self.changes.give_up()
        self.change(lambda: self.changes.prepare(what))
        self.change(self.changes.use)

    @rule(what=changes())
    def configuration_is_prepared_and_given_up_or_not_yet_used(self, what: dict[str, Any]) -> None:
        if self.changes.prepared is None:
            self.change(lambda: self.changes.prepare(what))
        else:
            self.change(self.changes.give_up)

    @precondition(lambda self: self.changes.prepared is not None)
    @rule()
    def configuration_that_is_prepared_is_used(self) -> None:
        self.change(self.changes.use)

    @rule(site=numbers, flag=flags)
    def server_is_marked_or_no_more(self, site: int, flag: HealthFlag) -> None:
        self.change(lambda: self.changes.mark(self.site(site), flag))

    @rule(servers=servers)
    def name_has_other_addresses(self, servers: tuple[int, ...]) -> None:
        self.change(lambda: self.changes.resolve(servers))

    @precondition(lambda self: self.there.certificates is not None)
    @rule(how=st.sampled_from(["whole", "whole", "without its key", "none"]), is_seen=st.booleans())
    def certificates_are_replaced(self, how: str, is_seen: bool) -> None:
        assert self.there.certificates is not None
        self.there.certificates.replace(how)
        self.settle()
        if is_seen:
            self.time_passes(2.5)
            if len(self.open_clients()) < MOST_CLIENTS:
                self.clients_come(1)

    # Time.

    @rule(seconds=st.sampled_from([0.02, 0.3, 0.6, 1.1, 3.5, 16.0]))
    def time_passes(self, seconds: float) -> None:
        self.there.has_failed = True
        self.there.pass_time(seconds)
        self.settle()

    @rule()
    def time_passes_until_timeouts(self) -> None:
        """The time of one try, or of a request."""
        self.time_passes(0.6 if self.there.setup.retry is not None else 1.1)

    @rule(client=numbers, what=st.lists(messages, min_size=1, max_size=4))
    def client_says_and_everything_is_answered(self, client: int, what: Messages) -> None:
        if self.speakers():
            self.client_says(client, what, None)
        self.everything_is_answered()

    @rule()
    def everything_is_answered(self) -> None:
        ending.answer_all(self.there)
        self.settle()
