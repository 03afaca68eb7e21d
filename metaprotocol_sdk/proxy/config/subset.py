"""Parts of a cluster by metadata: ``envoy.config.cluster.v3.Cluster.LbSubsetConfig``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PlainValidator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Data, Repeated, Switch, Text, word
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.metadata import written
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import SubsetFallback, SubsetsConfig, SubsetSelectorConfig, lb_metadata

_SELECTOR_POLICIES: dict[str, SubsetFallback | None] = {
    "NOT_DEFINED": None,
    **{each.value: each for each in SubsetFallback},
}
_POLICIES = {each.value: each for each in SubsetFallback if each is not SubsetFallback.KEYS_SUBSET}
_NONE: dict[str, str] = {"METADATA_NO_FALLBACK": "METADATA_NO_FALLBACK"}


def _distinct(keys: tuple[str, ...]) -> tuple[str, ...]:
    if not keys:
        raise ValueError("expected at least one key")
    if len(set(keys)) < len(keys):
        raise ValueError("expected each key once")
    return keys


Keys = Annotated[tuple[Text, ...], AfterValidator(_distinct)]
"""Keys of metadata, at least one."""


class LbSubsetSelector(Message):
    """``envoy.config.cluster.v3.Cluster.LbSubsetConfig.LbSubsetSelector``: servers that have the same values for these
    keys are one subset."""

    keys: Keys
    """The keys. A server that lacks one is in no such subset."""

    single_host_per_subset: Switch = False
    """Whether the first server of a subset is the subset."""

    fallback_policy: Annotated[SubsetFallback | None, PlainValidator(word(_SELECTOR_POLICIES))] = None
    """What becomes of requests whose route has these keys and values that no server has. Not given: what the cluster's
    says."""

    fallback_keys_subset: tuple[Text, ...] = ()
    """For ``KEYS_SUBSET``, and then required: some of the keys, by which a subset is looked for again."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports keys to fall back to that are none."""
        keys, fewer = fields.get("keys"), fields.get("fallback_keys_subset")
        is_for_keys = fields.get("fallback_policy") == SubsetFallback.KEYS_SUBSET.value
        problem = ""
        if is_for_keys and not fewer:
            problem = "required with fallback_policy KEYS_SUBSET, and not there"
        elif fewer and not is_for_keys:
            problem = "only with fallback_policy KEYS_SUBSET"
        elif isinstance(keys, list) and isinstance(fewer, list) and is_for_keys:
            unknown = [each for each in fewer if each not in keys]
            if unknown:
                problem = f"expected some of keys, found {shown(unknown[0])}"
            elif all(each in fewer for each in keys):
                problem = "expected fewer than keys has"
        if problem:
            context.report.error(fields.value_place("fallback_keys_subset"), problem)

    def value(self) -> SubsetSelectorConfig:
        """What the runtime reads."""
        return SubsetSelectorConfig(
            keys=tuple(sorted(self.keys)),
            fallback=self.fallback_policy,
            fallback_keys=tuple(sorted(self.fallback_keys_subset)),
            single_host=self.single_host_per_subset,
        )


class LbSubsetConfig(Message):
    """``envoy.config.cluster.v3.Cluster.LbSubsetConfig``: a route's ``metadata_match`` says which part of the cluster
    its requests go to."""

    fallback_policy: Annotated[SubsetFallback, PlainValidator(word(_POLICIES))] = SubsetFallback.NO_FALLBACK
    """What becomes of requests whose route asks for no subset, or for one that is not there: ``NO_FALLBACK``, they get
    an error; ``ANY_ENDPOINT``, any server takes them; ``DEFAULT_SUBSET``, those of ``default_subset`` do."""

    default_subset: Data = {}  # noqa: RUF012 - a frozen model's default
    """What servers have that ``DEFAULT_SUBSET`` means."""

    subset_selectors: Repeated[LbSubsetSelector] = ()
    """What makes subsets. None: there are none, and what routes ask for does not count."""

    locality_weight_aware: Switch = False
    """Whether places' weights count in a subset, where they count in the cluster."""

    scale_locality_weight: Switch = False
    """With ``locality_weight_aware``: whether a place counts less the fewer of its servers are in the subset."""

    panic_mode_any: Switch = False
    """Whether any server takes what the cluster's ``fallback_policy`` finds none for."""

    list_as_any: Switch = False
    """Whether a server that has a list of values has each of them."""

    metadata_fallback_policy: Annotated[str, PlainValidator(word(_NONE, "FALLBACK_LIST"))] = "METADATA_NO_FALLBACK"
    """A route asks once."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of what does nothing."""
        selectors = fields.children("subset_selectors")
        if not selectors:
            context.report.warning(fields.place, "without effect: it has no subset_selectors")
        falls_back = any(
            each.get("fallback_policy") == SubsetFallback.DEFAULT_SUBSET.value for each in (fields, *selectors)
        )
        if falls_back and not fields.get("default_subset"):
            context.report.warning(fields.place, "without default_subset, DEFAULT_SUBSET means every server")
        if fields.get("default_subset") and not falls_back:
            problem = "without effect: no fallback_policy is DEFAULT_SUBSET"
            context.report.warning(fields.key_place("default_subset"), problem)
        if fields.get("scale_locality_weight") is True and fields.get("locality_weight_aware") is not True:
            problem = "without effect: it scales what locality_weight_aware has count"
            context.report.warning(fields.key_place("scale_locality_weight"), problem)
        _look_for_doubles(selectors, context)

    def value(self) -> SubsetsConfig | None:
        """What the runtime reads; None: there are no subsets."""
        if not self.subset_selectors:
            return None
        return SubsetsConfig(
            selectors=tuple(each.value() for each in self.subset_selectors),
            fallback=self.fallback_policy,
            default_subset=lb_metadata(self.default_subset),
            locality_weight_aware=self.locality_weight_aware,
            scale_locality_weight=self.scale_locality_weight,
            panic_mode_any=self.panic_mode_any,
            list_as_any=self.list_as_any,
        )


def expect_members(cluster: Entries, context: Context) -> None:
    """Reports selectors that no endpoint of a cluster has the keys for.

    Args:
        cluster: The cluster, not validated yet.
        context: Gets the findings.
    """
    endpoints = [
        {key for key, _ in written(each, "metadata") or ()}
        for group in cluster.child("load_assignment").children("endpoints")
        for each in group.children("lb_endpoints")
    ]
    for selector in cluster.child("lb_subset_config").children("subset_selectors"):
        keys = selector.get("keys")
        if not endpoints or not isinstance(keys, list) or not all(isinstance(each, str) for each in keys):
            continue
        if keys and not any(found.issuperset(keys) for found in endpoints):
            problem = f"no endpoint of the cluster has {' and '.join(map(shown, keys))} in its metadata's envoy.lb"
            context.report.error(selector.value_place("keys"), problem)


def _look_for_doubles(selectors: list[Entries], context: Context) -> None:
    first: dict[frozenset[str], int] = {}
    for each in selectors:
        keys = each.get("keys")
        if isinstance(keys, list) and all(isinstance(key, str) for key in keys):
            line = first.setdefault(frozenset(keys), each.place.line)
            if each is not selectors[0] and line != each.place.line:
                context.report.warning(each.place, f"never used: the selector at line {line} has the same keys")
