"""Every path of the admin interface: what it is for, what may be said with it, and what answers."""

from __future__ import annotations

import platform
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version

from metaprotocol_sdk.proxy.admin import clusters, stats
from metaprotocol_sdk.proxy.admin.message import Response
from metaprotocol_sdk.proxy.admin.operated import Operated, State
from metaprotocol_sdk.proxy.log import LEVELS, LOGGER_NAME

Answer = Callable[[Operated, Mapping[str, str]], Awaitable[Response]]
"""Makes the response of a proxy to a query."""

DONE = Response("OK\n")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a query may say.

    Args:
        name: Its name.
        meaning: In a few words.
        words: What it may be; none of them: any text.
        is_flag: Whether its being there is all that counts.
    """

    name: str
    meaning: str
    words: tuple[str, ...] = ()
    is_flag: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One path.

    Args:
        path: The path, from the first slash.
        meaning: In a few words.
        answer: What answers.
        parameters: What a query may say.
        is_change: Whether it changes something: such a one is only done by POST.
    """

    path: str
    meaning: str
    answer: Answer
    parameters: tuple[Parameter, ...] = ()
    is_change: bool = False


_FILTER = Parameter("filter", "a regular expression (RE2) that is found in the name")
_USED = Parameter("usedonly", "only what is not 0", is_flag=True)
_JSON = Parameter("format", "how it is written", ("text", "json"))


async def _ready(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    return Response(f"{operated.state.name}\n", 200 if operated.state is State.LIVE else 503)


async def _server_info(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    uptime = f"{int(operated.uptime)}s"
    about = {
        "version": f"metaprotocol-sdk/{version('metaprotocol-sdk')}/Python {platform.python_version()}",
        "state": operated.state.name,
        "uptime_current_epoch": uptime,
        "uptime_all_epochs": uptime,
        "node": {"id": operated.node.id, "cluster": operated.node.cluster},
    }
    return Response.from_json(about)


async def _stats(operated: Operated, query: Mapping[str, str]) -> Response:
    return await stats.answer(operated, query)


async def _prometheus(operated: Operated, query: Mapping[str, str]) -> Response:
    return await stats.answer(operated, query, "prometheus")


async def _clusters(operated: Operated, query: Mapping[str, str]) -> Response:
    found = await operated.clusters()
    if query.get("format") == "json":
        return Response.from_json(clusters.document(found))
    return Response(clusters.text(found))


async def _listeners(operated: Operated, query: Mapping[str, str]) -> Response:
    found = await operated.listeners()
    if query.get("format") == "json":
        address_of = clusters.address_document
        said = [{"name": each.name, "local_address": address_of(each.address)} for each in found]
        return Response.from_json({"listener_statuses": said})
    return Response("".join(f"{each.name}::{each.address}\n" for each in found))


async def _drain_listeners(operated: Operated, query: Mapping[str, str]) -> Response:
    graceful, skip_exit = "graceful" in query, "skip_exit" in query
    if skip_exit and not graceful:
        return Response("skip_exit requires graceful\n", 400)
    await operated.drain_listeners(graceful=graceful, skip_exit=skip_exit, inbound_only="inboundonly" in query)
    return DONE


async def _fail(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    operated.fail_health_checks(is_failed=True)
    return DONE


async def _unfail(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    operated.fail_health_checks(is_failed=False)
    return DONE


async def _quit(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    operated.stop()
    return DONE


async def _reset(operated: Operated, query: Mapping[str, str]) -> Response:  # noqa: ARG001
    await operated.reset_counters()
    return DONE


async def _logging(operated: Operated, query: Mapping[str, str]) -> Response:
    if level := query.get("level"):
        if level not in LEVELS:
            return Response(f"usage: /logging?level=({'|'.join(LEVELS)})\n", 400)
        await operated.set_log_level(level)
    return Response(f"active loggers:\n  {LOGGER_NAME}: {operated.log_level}\n")


COMMANDS = (
    Command("/clusters", "clusters, and each server's health, weight and requests in flight", _clusters, (_JSON,)),
    Command(
        "/drain_listeners",
        "take no more clients, and let those that are here end what they have in flight",
        _drain_listeners,
        (
            Parameter("graceful", "take new clients for the drain time still", is_flag=True),
            Parameter("skip_exit", "with graceful: take them after it, too", is_flag=True),
            Parameter("inboundonly", "only listeners whose traffic_direction is INBOUND", is_flag=True),
        ),
        is_change=True,
    ),
    Command("/healthcheck/fail", "answer /ready with 503 DRAINING from now on", _fail, is_change=True),
    Command("/healthcheck/ok", "take /healthcheck/fail back", _unfail, is_change=True),
    Command("/listeners", "listeners, and where they listen", _listeners, (_JSON,)),
    Command(
        "/logging",
        "show the log's level, or change it",
        _logging,
        (Parameter("level", "what is less grave is not written", LEVELS),),
        is_change=True,
    ),
    Command("/quitquitquit", "drain and end, as SIGTERM does; a second time: end at once", _quit, is_change=True),
    Command("/ready", "200 LIVE, or 503 and the state: whether to send clients here", _ready),
    Command("/reset_counters", "set every counter to 0; gauges and histograms stay", _reset, is_change=True),
    Command("/server_info", "version, state and uptime, as JSON", _server_info),
    Command(
        "/stats",
        "everything that is counted",
        _stats,
        (Parameter("format", "how it is written", stats.FORMATS), _FILTER, _USED),
    ),
    Command("/stats/prometheus", "the same for Prometheus", _prometheus, (_FILTER, _USED)),
)
"""Every one but the page of them all and ``/help``, by path."""
