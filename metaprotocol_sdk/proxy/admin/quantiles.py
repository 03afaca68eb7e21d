"""Quantiles of a histogram whose values are only known by bucket, as Envoy shows them in text and JSON."""

from __future__ import annotations

from collections.abc import Sequence

from metaprotocol_sdk.proxy.admin.operated import HistogramValue

QUANTILES = (0.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 100.0)
"""Percent; those that Envoy shows."""


def quantile(histogram: HistogramValue, percent: float) -> float:
    """The value below which ``percent`` of all are, taken as evenly spread over their bucket.

    A value above every bound counts as the highest of them. The histogram has at least one value.
    """
    wanted = sum(histogram.counts) * percent / 100
    below = 0.0
    lower = 0.0
    for upper, count in zip(histogram.bounds, histogram.counts, strict=False):
        if count and below + count >= wanted:
            return lower + (upper - lower) * (wanted - below) / count
        below += count
        lower = upper
    return lower


def quantiles(histogram: HistogramValue) -> Sequence[float]:
    """The value at each of :data:`QUANTILES`; none for a histogram without values."""
    return [quantile(histogram, each) for each in QUANTILES] if sum(histogram.counts) else []
