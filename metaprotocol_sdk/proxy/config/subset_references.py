"""What routes ask of clusters by ``metadata_match``, looked up when all clusters are known."""

from __future__ import annotations

from collections.abc import Sequence

from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Place
from metaprotocol_sdk.proxy.config.values import LbMetadata, SubsetFallback, SubsetsConfig, reduced

_OUTCOMES = {
    SubsetFallback.NO_FALLBACK: "the requests get an error reply",
    SubsetFallback.ANY_ENDPOINT: "they go to any endpoint",
    SubsetFallback.DEFAULT_SUBSET: "they go to the default_subset",
}


class SubsetReferences:
    """The clusters of one file with their subsets, and where routes ask for one."""

    def __init__(self) -> None:
        self._clusters: dict[str, tuple[SubsetsConfig | None, Sequence[LbMetadata]]] = {}
        self._asked: list[tuple[str, LbMetadata, Place]] = []

    def define(self, name: str, subsets: SubsetsConfig | None, endpoints: Sequence[LbMetadata]) -> None:
        """A cluster is there.

        Args:
            name: Its name.
            subsets: How it is divided; None: it is not.
            endpoints: The metadata of its servers.
        """
        self._clusters[name] = (subsets, endpoints)

    def ask(self, name: object, match: LbMetadata, place: Place) -> None:
        """A route wants servers of a cluster that have ``match``."""
        if isinstance(name, str):
            self._asked.append((name, match, place))

    def check(self, report: Report) -> None:
        """Warns of what is asked for and not there."""
        for name, match, place in self._asked:
            if name in self._clusters:
                problem = _problem(name, match, *self._clusters[name])
                if problem:
                    report.warning(place, problem)


def _problem(name: str, match: LbMetadata, subsets: SubsetsConfig | None, endpoints: Sequence[LbMetadata]) -> str:
    if subsets is None:
        return f"without effect on cluster {shown(name)}, which has no lb_subset_config with selectors"
    selector = subsets.selector(match)
    if selector is None:
        keys = " and ".join(shown(key) for key, _ in match) or "none"
        outcome = _OUTCOMES[subsets.fallback]
        return f"no selector of cluster {shown(name)} has exactly these keys, {keys}: {outcome}"
    if any(match in subsets.values_of(each, selector.keys) for each in endpoints):
        return ""
    fallback = subsets.fallback if selector.fallback is None else selector.fallback
    if fallback is SubsetFallback.KEYS_SUBSET:
        return _problem(name, reduced(match, selector.fallback_keys), subsets, endpoints)
    if fallback is not SubsetFallback.NO_FALLBACK or not endpoints:
        return ""  # an empty cluster answers nobody anyway
    said = ", ".join(f"{key}: {value}" for key, value in match)
    return f"no endpoint of cluster {shown(name)} has {said}: {_OUTCOMES[fallback]}"
