"""Every way a request can fail, driven through a whole proxy: the rows of ``docs/reference/error-replies.md``."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.errors import ErrorType
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.values import (
    Address,
    CircuitBreakersConfig,
    ClusterConfig,
    EndpointConfig,
    RetryOn,
    RetryPolicyConfig,
    RouteConfig,
)
from metaprotocol_sdk.proxy.filters.bucket import Bucket
from metaprotocol_sdk.proxy.filters.fault import Fault, FaultInjector
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterFactory, Verdict
from metaprotocol_sdk.proxy.filters.local_rate_limit import LocalRateLimiter
from metaprotocol_sdk.proxy.filters.rbac import AccessControl, Rbac
from metaprotocol_sdk.proxy.net.context import Limits
from metaprotocol_sdk.proxy.responder import Responder
from metaprotocol_sdk.proxy.stream import Stream
from tests.integration.hostile_codecs import HalfMadeCodec, NonsenseRepliesCodec
from tests.proxy.codecs import INIT, REPLY, DeadlineCodec, IdCodec, LazyCodec, StubbornCodec, message
from tests.proxy.harness import Backend, Proxy, proxy, route, unused_port

PATIENT = RouteConfig(cluster="all", timeout=None)
CODEC = "<what the codec says of it>"
Then = Callable[[Proxy, list[Backend]], Awaitable[None]]


@dataclass(frozen=True)
class Failure:
    """What a client was told, and what the proxy knew: the request, and why it failed."""

    reply: Metadata
    stream: Stream


Drive = Callable[[], Coroutine[Any, Any, Failure]]


@dataclass(frozen=True)
class Row:
    """One way to fail; ``text`` has ``<id>``, ``<cluster>``, ``<address>``, ``<seconds>`` for what varies."""

    situation: str
    kind: ErrorType
    text: str
    flag: str
    drive: Drive


ROWS: list[Row] = []


def row(situation: str, text: str, flag: str, kind: ErrorType = ErrorType.UNSPECIFIED) -> Callable[[Drive], None]:
    return lambda drive: ROWS.append(Row(situation, kind, text, flag, drive))


async def ask(
    *backends: Backend,
    request: bytes = message(7),
    before: bytes = b"",
    then: Then | None = None,
    filters: dict[str, FilterFactory] | None = None,
    **settings: Any,
) -> Failure:
    """Sends ``before`` and the request with id 7, does ``then``, and waits for the reply to the latter."""
    answered: list[Stream] = []
    answer = Responder.answer

    def recording(self: Responder, stream: Stream) -> bytes | None:
        answered.append(stream)
        return answer(self, stream)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Responder, "answer", recording)
        reply = await _reply(*backends, request=before + request, then=then, filters=filters, **settings)
    [stream] = [each for each in answered if each.request.request_id == 7]
    return Failure(reply, stream)


async def _reply(*backends: Backend, request: bytes, then: Then | None, **settings: Any) -> Metadata:
    async with proxy(*backends, **settings) as running:
        client = await running.client()
        client.writer.write(request)
        if then is not None:
            await then(running, list(backends))
        reply = await client.reply()
        while reply.request_id != 7:
            reply = await client.reply()
        return reply


def silent(codec: type[Codec] = IdCodec) -> Backend:
    return Backend(codec(), answer=None)


def saying(data: bytes) -> Backend:
    return Backend(IdCodec(), answer=lambda request: data)


def dead() -> ClusterConfig:
    return ClusterConfig(name="dead", endpoints=(EndpointConfig(Address("127.0.0.1", unused_port())),))


def connecting(outcome: Callable[[], Awaitable[Any]]) -> Then:
    """Has the proxy's connections, which are not begun yet, end as ``outcome`` says."""

    async def then(running: Proxy, backends: list[Backend]) -> None:
        async def connect(*args: Any, **kwargs: Any) -> Any:
            return await outcome()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "create_connection", connect)
            await running.counted("request_active", 1)
            await running.counted("request_active", 0)

    return then


async def hang_up(running: Proxy, backends: list[Backend]) -> None:
    """Closes the server's connection in the middle of its reply."""
    link = await backends[0].request(0)
    link.transport.write(message(7, b"reply", kind=REPLY)[:12])
    link.transport.close()


# The router.


@row("no route matches", "meta protocol router: no matched route for request '<id>'", "NR", ErrorType.ROUTE_NOT_FOUND)
async def _() -> Failure:
    return await ask(routes=[route("all", to="nowhere")])


@row(
    "the route's cluster does not exist",
    "meta protocol router: unknown cluster '<cluster>'",
    "NC",
    ErrorType.CLUSTER_NOT_FOUND,
)
async def _() -> Failure:
    return await ask(routes=[route("missing")])


@row("the cluster is in maintenance mode", "meta protocol router: maintenance mode for cluster '<cluster>'", "UO")
async def _() -> Failure:
    return await ask(Backend(IdCodec()), maintenance=1.0)


@row(
    "the cluster has no endpoint",
    "meta protocol router: no healthy upstream for '<cluster>'",
    "UH",
    ErrorType.NO_HEALTHY_UPSTREAM,
)
async def _() -> Failure:
    return await ask()


@row(
    "no reply within the route's `timeout`",
    "meta protocol router: no reply from cluster '<cluster>' in <seconds> s",
    "UT",
)
async def _() -> Failure:
    return await ask(silent(), routes=[RouteConfig(cluster="all", timeout=0.02)])


@row(
    "no reply within the time that the request itself gives",
    "meta protocol router: no reply from cluster '<cluster>' in <seconds> s",
    "UT",
)
async def _() -> Failure:
    request = message(7, deadline="0.02")
    return await ask(silent(DeadlineCodec), codec=DeadlineCodec, routes=[PATIENT], request=request)


@row(
    "no reply within `per_try_timeout`, and no retry left or wanted",
    "meta protocol router: no reply from '<cluster>' in <seconds> s",
    "UT",
)
async def _() -> Failure:
    policy = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), per_try_timeout=0.02)
    return await ask(silent(), routes=[RouteConfig(cluster="all", retry=policy)])


@row(
    "a stream of frames that is silent for the route's `idle_timeout`",
    "meta protocol router: no frame on the stream in <seconds> s",
    "SI",
)
async def _() -> Failure:
    return await ask(silent(), routes=[RouteConfig(cluster="all", idle_timeout=0.02)], request=message(7, kind=INIT))


@row(
    "the client has `max_concurrent_requests` streams of frames open",
    "meta protocol connection manager: too many streams",
    "UO",
)
async def _() -> Failure:
    opened, limits = message(1, kind=INIT), Limits(in_flight=1)
    return await ask(silent(), before=opened, request=message(7, kind=INIT), limits=limits)


# The way to the server.


@row(
    "`max_connections` and `max_pending_requests` are reached",
    "meta protocol upstream request: too many connections",
    "UO",
)
async def _() -> Failure:
    breakers = CircuitBreakersConfig(max_connections=1, max_pending_requests=1)
    return await ask(silent(), before=message(1), circuit_breakers=breakers)


@row("`max_requests` is reached", "meta protocol upstream request: too many requests", "UO")
async def _() -> Failure:
    return await ask(silent(), before=message(1), circuit_breakers=CircuitBreakersConfig(max_requests=1))


@row(
    "the server refuses the connection, or cannot be reached",
    "meta protocol upstream request: remote connection failure '<address>'",
    "UF",
)
async def _() -> Failure:
    return await ask(routes=[route("dead")], clusters=[dead()])


@row(
    "the server does not accept the connection within `connect_timeout`",
    "meta protocol upstream request: connection failure '<address>' due to timeout",
    "UF",
)
async def _() -> Failure:
    return await ask(Backend(IdCodec()), then=connecting(asyncio.Event().wait), connect_timeout=0.02)


@row(
    "the proxy itself cannot connect, for instance with too many files open",
    "meta protocol upstream request: local connection failure '<address>'",
    "UF",
)
async def _() -> Failure:
    async def no_descriptors() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    return await ask(Backend(IdCodec()), then=connecting(no_descriptors))


@row(
    "with `bind_upstream_connection`: the client's connection to its server ends before the request is sent",
    "meta protocol upstream request: remote connection failure '<address>'",
    "UF",
)
async def _() -> Failure:
    return await ask(silent(), before=message(1), bind=True, then=hang_up)


@row(
    "the server closes the connection before its reply is whole",
    "meta protocol upstream request: remote connection failure '<address>'",
    "UC",
)
async def _() -> Failure:
    return await ask(silent(), then=hang_up)


@row(
    "the server reads nothing of what it is sent for 15 s",
    "meta protocol upstream request: '<address>' reads no requests",
    "UC",
)
async def _() -> Failure:
    async def stop_reading(running: Proxy, backends: list[Backend]) -> None:
        (await backends[0].request(0)).transport.pause_reading()
        body = bytes(60_000)
        running.clients[0].writer.write(b"".join(message(100 + number, body) for number in range(200)))

    limits = Limits(stall_timeout=0.05)
    return await ask(silent(), routes=[PATIENT], multiplexing=True, then=stop_reading, limits=limits)


# The codec.


@row("the server's reply cannot be decoded", CODEC, "UPE", ErrorType.BAD_RESPONSE)
async def _() -> Failure:
    return await ask(saying(bytes(40)))


@row(
    "the codec raises what it may not on the reply",
    "meta protocol upstream request: the codec failed on the reply of '<address>'",
    "UPE",
    ErrorType.BAD_RESPONSE,
)
async def _() -> Failure:
    return await ask(saying(message(7, b"none id", kind=REPLY)), codec=NonsenseRepliesCodec)


@row(
    "the codec raises what it may not when the server is connected to",
    "meta protocol upstream request: the codec failed to connect to '<address>'",
    "UF",
)
async def _() -> Failure:
    HalfMadeCodec.made = 0
    return await ask(silent(), codec=HalfMadeCodec)


@row("the request cannot carry the route's mutation, and `mutation_required` is true", CODEC, "")
async def _() -> Failure:
    needed = RouteConfig(cluster="all", request_mutation=Mutation(user="x"), is_mutation_required=True)
    return await ask(silent(), codec=StubbornCodec, routes=[needed])


@row(
    "the reply cannot carry the route's mutation, and `mutation_required` is true",
    CODEC,
    "UPE",
    ErrorType.BAD_RESPONSE,
)
async def _() -> Failure:
    needed = RouteConfig(cluster="all", response_mutation=Mutation(user="x"), is_mutation_required=True)
    return await ask(saying(message(7, kind=REPLY)), codec=StubbornCodec, routes=[needed])


# Filters.


class Raise(Filter):
    def on_request(self, stream: Stream) -> Verdict:
        raise KeyError("on_request")


class Look(Filter):
    def on_response(self, stream: Stream) -> Verdict:
        assert stream.response is None or stream.response.get("x") is None
        return None


@row(
    "the request is over a rate limit",
    "meta protocol local rate limit: request '<id>' has been rate limited",
    "RL",
    ErrorType.OVER_LIMIT,
)
async def _() -> Failure:
    bucket = Bucket(max_tokens=1, tokens_per_fill=1, fill_interval=1e9, now=0.0)
    limit: dict[str, FilterFactory] = {"limit": lambda *_: LocalRateLimiter(bucket, (), now=lambda: 0.0)}
    return await ask(Backend(IdCodec()), before=message(1), filters=limit)


@row("the request is refused by the rules of access", "RBAC: access denied", "UAEX")
async def _() -> Failure:
    control = AccessControl(Rbac.model_validate({"stat_prefix": "test", "rules": {}}))
    return await ask(filters={"rbac": lambda *_: control})


@row("the fault filter aborts the request", "fault filter abort", "FI")
async def _() -> Failure:
    abort = {"error_type": "UNSPECIFIED", "percentage": {"numerator": 100}}
    fault = Fault.model_validate({"stat_prefix": "test", "abort": abort})
    return await ask(filters={"fault": lambda _, context: FaultInjector.from_config(fault, context)})


@row("a filter raises, or returns what is no verdict", "meta protocol filter chain: a filter failed", "")
async def _() -> Failure:
    return await ask(filters={"raise": lambda *_: Raise()})


@row("a filter looks at strings of the reply that are malformed", CODEC, "UPE", ErrorType.BAD_RESPONSE)
async def _() -> Failure:
    broken = saying(message(7, b"bad strings", kind=REPLY))
    return await ask(broken, codec=LazyCodec, filters={"look": lambda *_: Look()})


# After retries.


@row(
    "any failure that `retry_on` covers, after `num_retries` retries: its own type, text and flag, and `URX`",
    "meta protocol upstream request: remote connection failure '<address>'",
    "UF,URX",
)
async def _() -> Failure:
    policy = RetryPolicyConfig(retry_on=frozenset({RetryOn.CONNECT_FAILURE}), base_interval=0.001)
    return await ask(routes=[RouteConfig(cluster="dead", retry=policy)], clusters=[dead()])
