"""What clients and servers said to the proxy, and therefore may hear of it: the laws, seen from outside.

Every request gets exactly one reply, its own or an error with a cause, in request order per request id, or its
connection is closed for a cause. A request comes to a server once, and again only after a failure its policy covers.
Frames keep their order. Nothing else is ever heard.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config.values import RetryOn, RetryPolicyConfig
from tests.integration.machine.channel import Channel
from tests.integration.machine.clock import ClockedLoop
from tests.integration.machine.dialect import Dialect, Heard
from tests.integration.machine.setup import Setup
from tests.integration.machine.wire import Site, Wire

STALL_TIMEOUT = 15.0
_ENDS_AT_ONCE = {"overflow", "refused", "stop", "whole end"}
"""Why a connection may end with replies outstanding. By TLS a client that says no more has ended it whole."""


@dataclass(eq=False, slots=True)
class Said:
    """A message of a client: ``kind`` is ``request``, ``oneway`` or ``ping``."""

    client: Client
    kind: str
    id: int
    token: bytes
    data: bytes
    at: float
    end: int = 0
    """Where it ends in all that the client says."""
    step: int = 0
    """How many changes there had been when it was said."""
    arrivals: list[Arrival] = field(default_factory=list)
    heard: bytes | None = None
    """What the client got for it."""

    @property
    def is_sent(self) -> bool:
        """Whether all of it has gone out."""
        return self.client.flushed >= self.end


@dataclass(eq=False, slots=True)
class Arrival:
    """A request at a server: ``id`` is the one it has there."""

    said: Said
    link: Link
    id: int
    at: float
    answer: str = ""
    """``reply`` or ``error`` once it is given; all of it has left when ``link.flushed >= answer_end``."""
    answer_end: int = 0

    @property
    def is_answered(self) -> bool:
        return bool(self.answer) and self.link.flushed >= self.answer_end


@dataclass(eq=False, slots=True)
class Talk:
    """A stream of frames, and what each side has said and heard of it."""

    client: Client
    id: int
    opening: bytes
    step: int = 0
    link: Link | None = None
    up: list[bytes] = field(default_factory=list)
    up_heard: int = 0
    down: list[bytes] = field(default_factory=list)
    down_heard: int = 0
    is_client_closed: bool = False
    is_server_closed: bool = False
    has_closed_both: bool = False
    is_failed: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether both sides ended as they wanted, so that every frame must arrive."""
        is_closed = self.is_client_closed and self.is_server_closed and not self.has_closed_both
        return is_closed and self.link is not None and not self.link.is_broken and self.client.is_well


class Client(Wire):
    """A client's end."""

    def __init__(self, number: int, channel: Channel, setup: Setup, listener: str = "main") -> None:
        super().__init__(channel, setup.codec_type(), MessageType.RESPONSE)
        self.number = number
        self.listener = listener
        self.said: list[Said] = []
        self.waiting: dict[int, deque[Said]] = defaultdict(deque)
        self.talks: dict[int, Talk] = {}
        self.causes: set[str] = set()
        """Why the proxy may close the connection."""

    @property
    def is_well(self) -> bool:
        """Whether it is there, and nothing it did lets the proxy close the connection."""
        return self.is_open and not self.causes

    def cut_off(self) -> None:
        """Forgets what is not said to the end."""
        whole = self.flushed + len(self.out)
        for said in [each for each in self.said if each.end > whole]:
            self.said.remove(said)
            if said in self.waiting[said.id]:
                self.waiting[said.id].remove(said)


class Link(Wire):
    """A server's end of a connection."""

    def __init__(self, number: int, channel: Channel, setup: Setup, site: Site) -> None:
        super().__init__(channel, setup.codec_type(), MessageType.REQUEST)
        self.number = number
        self.site = site
        self.arrivals: list[Arrival] = []
        self.talk: Talk | None = None
        self.pings = 0
        self.has_told = False
        self.is_broken = False
        """Whether the server did something that fails the requests there."""

    @property
    def name(self) -> bytes:
        """What its server signs with."""
        return b"link%d" % self.number

    @property
    def unanswered(self) -> list[Arrival]:
        """Two-way requests the server has not answered."""
        return [each for each in self.arrivals if each.said.kind == "request" and not each.answer]


class Book:
    """What is known of one run.

    Args:
        setup: Its configuration.
        clock: Its time.
    """

    def __init__(self, setup: Setup, clock: ClockedLoop) -> None:
        self.setups = [(0, setup)]
        """Each the proxy has had, and the change that brought it."""
        self.step = 0
        """How many changes there have been."""
        self.nobody_until = -math.inf
        """Until when a cluster that requests go to had no server that can be used."""
        self.clock = clock
        self.began = clock.now
        self.dialect = Dialect(has_ids=setup.has_ids)
        self.tokens: dict[bytes, Said | Talk] = {}
        self.facts: set[str] = set()
        """What has happened somewhere: ``server failed``, ``garbage``, ``stall``, ``drain``, ``stop``."""

    @property
    def setup(self) -> Setup:
        """What the proxy is configured as now."""
        return self.setups[-1][1]

    def since(self, step: int) -> list[Setup]:
        """What it has been configured as since, ``step`` included: what a request of then may have gone by."""
        ends = [*(begin for begin, _ in self.setups[1:]), math.inf]
        return [setup for (_, setup), end in zip(self.setups, ends, strict=True) if end > step]

    @property
    def has_failed(self) -> bool:
        """Whether a server did something that may fail requests; one that stalls is given up after a time."""
        is_given_up = "stall" in self.facts and self.clock.now - self.began >= STALL_TIMEOUT
        return is_given_up or "server failed" in self.facts

    # At a client.

    def heard(self, client: Client, found: Metadata) -> None:
        """A client has got a message."""
        heard = self.dialect.hear(found)
        if heard.kind == "frame" or heard.id in client.talks:
            self._heard_frame(client, heard)
            return
        waiting = client.waiting[heard.id]
        assert waiting, f"client {client.number} got {heard} and waits for nothing with that id"
        said = waiting.popleft()
        assert said.is_sent, f"client {client.number} got {heard} before it had sent the request"
        said.heard = found.origin_message
        self._check_answer(said, heard)

    def _check_answer(self, said: Said, heard: Heard) -> None:
        if said.kind == "ping":
            assert heard.kind == "pong", f"{heard} answers a heartbeat"
        elif heard.kind == "local":
            self._check_cause(heard.token.decode(), said.at, said.step)
        else:
            assert heard.token == said.token, f"{heard} answers {said.token!r}"
            answers = {(each.answer, each.link.name) for each in said.arrivals if not each.link.site.is_mirror}
            assert (heard.kind, heard.origin) in answers, f"{heard}: no server said so"

    def _check_cause(self, text: str, since: float, step: int) -> None:
        """A local error has a cause."""
        setups = self.since(0 if self.setup.is_bound else step)  # a bound client keeps its server, and its cluster
        assert any(self._is_cause(setup, text, since) for setup in setups), f"no cause for: {text}"

    def _is_cause(self, setup: Setup, text: str, since: float) -> bool:
        retry, breakers, passed = setup.retry, setup.breakers, self.clock.now - since
        is_tried = retry is not None and retry.per_try_timeout is not None and passed >= retry.per_try_timeout
        causes = {
            "too many requests": breakers.max_requests < 100,
            "too many connections": breakers.max_pending_requests < 100
            or (setup.is_bound and breakers.max_connections < 100),
            "connection failure": "server failed" in self.facts or setup.is_bound,
            "too many streams": setup.limits.in_flight < 100,
            "no reply from cluster": setup.timeout is not None and passed >= setup.timeout,
            "no reply from '": is_tried,
            "no frame on the stream": setup.stream_idle is not None and passed >= setup.stream_idle,
            "no healthy upstream": self.nobody_until >= since,
            "reads no requests": "stall" in self.facts and passed >= STALL_TIMEOUT,
            "has been rate limited": setup.rate is not None,
            "the proxy stops": "stop" in self.facts,
            "BAD_RESPONSE": "garbage" in self.facts,
        }
        return any(is_there for words, is_there in causes.items() if words in text)

    def _heard_frame(self, client: Client, heard: Heard) -> None:
        talk = client.talks.get(heard.id)
        assert talk is not None, f"client {client.number} got {heard} of no stream of its own"
        assert not talk.is_failed, f"client {client.number} got {heard} after the stream's error"
        if heard.kind == "frame":
            assert talk.down_heard < len(talk.down), f"client {client.number} got a frame nobody sent: {heard}"
            assert heard.token == talk.down[talk.down_heard], f"{heard} is not the next frame of stream {talk.id}"
            talk.down_heard += 1
            return
        talk.is_failed = True
        if heard.kind == "local":
            self._check_cause(heard.token.decode(), -1000.0, talk.step)
        else:
            assert heard.kind in ("reply", "error")
            assert heard.token == talk.opening, f"{heard} answers stream {talk.id}"

    def ended(self, client: Client) -> None:
        """The proxy has closed a client's connection: for a cause, and after every reply it owes."""
        if client.is_gone:
            return
        assert client.causes or self.facts & {"drain", "stop"}, f"client {client.number} was closed without a cause"
        if client.has_paused or client.causes & _ENDS_AT_ONCE or "stop" in self.facts:
            return
        unheard = [each for each in client.said if each.kind != "oneway" and each.heard is None]
        last = max((each.end for each in client.said if each.heard is not None), default=0)
        lost = [each.token for each in unheard if each.end < last]
        assert not lost, f"client {client.number} was closed without the replies of {lost}"
        if client.causes == {"listener"}:
            begun = [each.token for each in unheard if each.arrivals]
            assert not begun, f"client {client.number}'s listener left while {begun} were in flight"
        if not client.causes & {"bound", "idle", "late", "listener"} and "drain" not in self.facts:
            assert not unheard, f"client {client.number} was closed without a reply of {unheard[0].token!r}"

    # At a server.

    def arrived(self, link: Link, found: Metadata) -> None:
        """A server has got a message."""
        heard = self.dialect.hear(found)
        if heard.kind == "pong":
            link.pings -= 1
            assert link.pings >= 0, f"link {link.number} got the answer of a heartbeat it did not send"
        elif heard.kind in ("frame", "open"):
            self._arrived_frame(link, heard, found)
        else:
            self._arrived_request(link, heard, found)

    def _arrived_frame(self, link: Link, heard: Heard, found: Metadata) -> None:
        assert not link.arrivals, f"link {link.number} got {heard} behind requests"
        if heard.kind == "open":
            self._arrived_opening(link, heard)
            return
        talk = link.talk
        assert talk is not None, f"link {link.number} got {heard} of no stream"
        assert talk.up_heard < len(talk.up), f"link {link.number} got a frame nobody sent: {heard}"
        assert found.origin_message == talk.up[talk.up_heard], f"{heard} is not the next frame of stream {talk.id}"
        talk.up_heard += 1

    def _arrived_opening(self, link: Link, heard: Heard) -> None:
        talk = self.tokens[heard.token]
        assert isinstance(talk, Talk)
        assert talk.link is None, f"stream {talk.id} was opened twice"
        assert link.talk is None, f"link {link.number} got a second stream"
        assert heard.id == talk.id, f"{heard} opens stream {talk.id}"
        self._check_place(link, talk.client, talk.step)
        talk.link, link.talk = link, talk

    def _arrived_request(self, link: Link, heard: Heard, found: Metadata) -> None:
        said = self.tokens.get(heard.token)
        assert isinstance(said, Said), f"link {link.number} got {heard}, which nobody sent"
        assert link.talk is None, f"link {link.number} got {heard} behind a stream"
        assert said.kind == heard.kind
        assert said.is_sent, f"link {link.number} got {heard} before its client had sent it"
        body = found.origin_message[12:] if self.setup.has_ids else found.origin_message
        assert said.data.endswith(body), f"{heard} has changed on its way"
        self._check_sharing(link, said, heard)
        self._check_place(link, said.client, said.step)
        is_copy = link.site.is_mirror
        before = [each for each in said.arrivals if each.link.site.is_mirror == is_copy]
        if before:
            assert not is_copy, f"the copy of {heard.token!r} came twice"
            self._check_retry(said, before)
        arrival = Arrival(said, link, heard.id, self.clock.now)
        said.arrivals.append(arrival)
        link.arrivals.append(arrival)
        link.has_told |= said.kind == "oneway"

    def _check_sharing(self, link: Link, said: Said, heard: Heard) -> None:
        """Who else's requests a connection has."""
        setup = self.setup
        is_mirror = link.site.is_mirror
        is_bound = setup.is_bound and not is_mirror
        if is_bound:
            assert all(each.said.client is said.client for each in link.arrivals), f"link {link.number}: two clients"
        open_ones = [each for each in link.arrivals if each.said.kind == "request" and not each.is_answered]
        if setup.is_shared:
            taken = [each.id for each in open_ones]
            assert said.kind == "oneway" or heard.id not in taken, f"link {link.number}: id {heard.id} is in use"
            assert heard.id in setup.codec_type.request_ids
            assert len(open_ones) < setup.limits.shared_in_flight or said.kind == "oneway"
            return
        assert not open_ones, f"link {link.number} got {heard} while it owes {open_ones[0].said.token!r}"
        if setup.has_ids:
            assert heard.id == said.id, f"{heard} had the id {said.id}"
        else:
            assert is_bound or not link.has_told, f"link {link.number} was used again after a oneway"

    def _check_place(self, link: Link, client: Client, step: int) -> None:
        """A server gets nothing that was said after the last change that took it out."""
        if self.setup.is_bound and not link.site.is_mirror:  # a client keeps its server
            return
        if any(each.retry is not None for each in self.since(step)):  # an attempt is made where the first was routed
            return
        is_out = link.site.out_since <= step and "listener" not in client.causes
        assert not is_out, f"{link.site.name} gets requests although it is out"

    def _check_retry(self, said: Said, before: list[Arrival]) -> None:
        """A request is sent again only after a failure that its policy covers, and not too often."""
        policies = [each.retry for each in self.since(said.step) if each.retry is not None]
        assert said.kind == "request", f"oneway {said.token!r} came twice"
        assert policies, f"{said.token!r} came twice"
        most = max(each.num_retries for each in policies)
        assert len(before) <= most, f"{said.token!r} came {len(before) + 1} times"
        why = self._failures(said, before, policies)
        assert any(why & each.retry_on for each in policies), f"{said.token!r} was sent again after {why or 'nothing'}"

    def _failures(self, said: Said, before: list[Arrival], policies: list[RetryPolicyConfig]) -> set[RetryOn]:
        """What may have become of the last attempt."""
        last = before[-1]
        # Where a server took its time to look, attempts arrive together, and not as they were sent. An attempt begins
        # to wait for a connection some time before it arrives, and after the one before it has arrived.
        is_late = "stall" in self.facts
        passed = self.clock.now - (said.at if is_late or len(before) == 1 else before[-2].at)
        why = set()
        if last.link.is_broken or self.setup.is_bound or (is_late and "server failed" in self.facts):
            why.add(RetryOn.RESET)
        if last.answer == "error":
            why.add(RetryOn.ERROR_REPLY)
        if any(each.per_try_timeout is not None and passed >= each.per_try_timeout for each in policies):
            why.add(RetryOn.PER_TRY_TIMEOUT)
        return why
