"""What is counted, as text and JSON in Envoy's form; :mod:`.prometheus` has the third one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import re2

from metaprotocol_sdk.proxy.admin.message import Response
from metaprotocol_sdk.proxy.admin.operated import HistogramValue, Operated
from metaprotocol_sdk.proxy.admin.prometheus import CONTENT_TYPE, render
from metaprotocol_sdk.proxy.admin.quantiles import QUANTILES, quantiles
from metaprotocol_sdk.proxy.admin.tags import Tags

FORMATS = ("text", "json", "prometheus")


@dataclass(frozen=True, slots=True)
class Stats:
    """What was counted when it was asked.

    Args:
        numbers: Counters and gauges by full name, sorted.
        histograms: Histograms by full name, sorted.
    """

    numbers: Mapping[str, int]
    histograms: Mapping[str, HistogramValue]

    @classmethod
    async def of(cls, operated: Operated) -> Stats:
        """Everything that ``operated`` counts, and what Envoy says of the server itself."""
        state = operated.state
        numbers = {
            **await operated.counters(),
            "server.live": int(state == 0),
            "server.state": int(state),
            "server.uptime": int(operated.uptime),
        }
        return cls(dict(sorted(numbers.items())), dict(sorted((await operated.histograms()).items())))

    def only(self, keeps: Callable[[str], bool], *, used: bool) -> Stats:
        """Those whose name ``keeps`` accepts; with ``used`` those alone that are not 0 or without values."""
        return Stats(
            {name: value for name, value in self.numbers.items() if (value or not used) and keeps(name)},
            {name: value for name, value in self.histograms.items() if (any(value.counts) or not used) and keeps(name)},
        )


async def answer(operated: Operated, query: Mapping[str, str], form: str = "") -> Response:
    """The stats that a query asks for: ``filter``, ``usedonly`` and ``format``.

    Args:
        operated: Who is asked.
        query: The query.
        form: The format, whatever the query says.
    """
    form = form or query.get("format", "text")
    if form not in FORMATS:
        return Response(f"usage: /stats?format=({'|'.join(FORMATS)})\n", 400)
    try:
        keeps = _filter(query.get("filter", ""))
    except re2.error:
        return Response("Invalid re2 regex\n", 400)
    stats = (await Stats.of(operated)).only(keeps, used="usedonly" in query)
    if form == "prometheus":
        tags = Tags(await operated.clusters(), await operated.listeners())
        return Response(render(stats.numbers, stats.histograms, tags), content_type=CONTENT_TYPE)
    return Response.from_json(_document(stats), indent=None) if form == "json" else Response(_text(stats))


def _filter(pattern: str) -> Callable[[str], bool]:
    """Whether ``pattern`` is found anywhere in a name."""
    if not pattern:
        return lambda name: True  # noqa: ARG005
    options = re2.Options()
    options.log_errors = False
    search = re2.compile(pattern, options).search
    return lambda name: search(name) is not None


def _text(stats: Stats) -> str:
    lines = [f"{name}: {value}" for name, value in stats.numbers.items()]
    for name, histogram in stats.histograms.items():
        # Envoy's first number is of the last interval; this proxy keeps none.
        values = zip(QUANTILES, quantiles(histogram), strict=False)
        shown = " ".join(f"P{percent:g}(nan,{value:.4g})" for percent, value in values)
        lines.append(f"{name}: {shown or 'No recorded values'}")
    return "".join(f"{line}\n" for line in lines)


def _document(stats: Stats) -> Any:
    numbers: list[Any] = [{"name": name, "value": value} for name, value in stats.numbers.items()]
    computed = [
        {
            "name": name,
            "values": [{"interval": None, "cumulative": value} for value in quantiles(histogram)]
            or [{"interval": None, "cumulative": None}] * len(QUANTILES),
        }
        for name, histogram in stats.histograms.items()
    ]
    if computed:
        numbers.append({"histograms": {"supported_quantiles": list(QUANTILES), "computed_quantiles": computed}})
    return {"stats": numbers}
