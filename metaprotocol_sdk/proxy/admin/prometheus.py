"""What is counted, in Prometheus' text exposition format 0.0.4, under the names and labels Envoy's has there.

::

    # TYPE envoy_cluster_upstream_rq_total counter
    envoy_cluster_upstream_rq_total{envoy_cluster_name="v1"} 7
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from metaprotocol_sdk.proxy.admin.operated import HistogramValue
from metaprotocol_sdk.proxy.admin.tags import Tags
from metaprotocol_sdk.proxy.metrics import is_gauge

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_UNUSUAL = re.compile("[^a-zA-Z0-9_]")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def render(numbers: Mapping[str, int], histograms: Mapping[str, HistogramValue], tags: Tags) -> str:
    """The exposition: each metric once, with all its series. Names that become the same one are added up."""
    lines = []
    by_stem: dict[str, list[tuple[Mapping[str, str], int]]] = {}
    for name, value in numbers.items():
        stem, labels = tags.split(name)
        by_stem.setdefault(stem, []).append((labels, value))
    shown: dict[int, str] = {}  # the labels of one cluster are one mapping, written once for all its counters
    families: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for stem, found in by_stem.items():
        series = families[_metric(stem), "gauge" if is_gauge(stem) else "counter"]
        for labels, value in found:
            text = shown.get(id(labels)) or shown.setdefault(id(labels), _labels(labels.items()))
            series[text] = series.get(text, 0) + value
    for (metric, kind), series in sorted(families.items()):
        lines.append(f"# TYPE {metric} {kind}")
        lines += [f"{metric}{labels} {value}" for labels, value in series.items()]
    lines += _histograms(histograms, tags)
    return "".join(f"{line}\n" for line in lines)


def _histograms(histograms: Mapping[str, HistogramValue], tags: Tags) -> Iterator[str]:
    families: defaultdict[str, list[str]] = defaultdict(list)
    for name, histogram in histograms.items():
        stem, labels = tags.split(name)
        metric = _metric(stem)
        families[metric] += _series(metric, list(labels.items()), histogram)
    for metric, lines in sorted(families.items()):
        yield f"# TYPE {metric} histogram"
        yield from lines


def _series(metric: str, labels: list[tuple[str, str]], histogram: HistogramValue) -> Iterator[str]:
    bounds = [f"{bound:g}" for bound in histogram.bounds]
    counted = list(accumulate(histogram.counts))
    for bound, count in zip([*bounds, "+Inf"], counted, strict=True):
        yield f"{metric}_bucket{_labels([*labels, ('le', bound)])} {count}"
    yield f"{metric}_sum{_labels(labels)} {histogram.total!r}"
    yield f"{metric}_count{_labels(labels)} {counted[-1]}"


def _metric(stem: str) -> str:
    return "envoy_" + _UNUSUAL.sub("_", stem)


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    shown = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels)
    return f"{{{shown}}}" if shown else ""
