"""What a validation of one file knows beside the message at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.exceptions import CodecLoadError, CodecNotFound, FilterLoadError
from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.runtime import Runtime
from metaprotocol_sdk.proxy.config.sentences import report_errors, shown
from metaprotocol_sdk.proxy.config.subset_references import SubsetReferences
from metaprotocol_sdk.proxy.config.tree import Entries, Place
from metaprotocol_sdk.registry import find_codec

_MAX_COMPARISONS = 20_000
_CLUSTER = "cluster name"
_NO_CLUSTER = "requests that go there get an error reply"

ModelT = TypeVar("ModelT", bound=BaseModel)


class Context:
    """Handed to every validator of one file, as pydantic's ``info.context``.

    Args:
        report: Gets the findings.
        filters: How each kind of filter beside the router is configured, by name. Looking one up may import it.
    """

    def __init__(self, report: Report, filters: Mapping[str, FilterModel]) -> None:
        self.report = report
        self.filters = filters
        self.runtime = Runtime()
        self.subsets = SubsetReferences()
        self._claims: dict[tuple[str, str], Place] = {}
        self._references: list[tuple[Entries, str, str]] = []
        self._hashed: list[tuple[str, Place]] = []
        self._unhashed: list[tuple[str, Place]] = []
        self._hashing: set[str] = set()
        self._codecs: dict[str, type[Codec] | str] = {}
        self._models: dict[str, FilterModel | str] = {}

    def validate(self, model: type[ModelT], tree: Entries) -> ModelT | None:
        """``tree`` as a ``model``; None: its errors are in the report."""
        try:
            return model.model_validate(tree, context=self)
        except ValidationError as error:
            report_errors(error, tree, self.report)
            return None

    def claim(self, kind: str, name: str, place: Place) -> None:
        """Reserves a listener's or cluster's name or address; an error when another has it."""
        first = self._claims.setdefault((kind, name), place)
        if first is not place:
            self.report.error(place, f"the {kind} {shown(name)} is taken already, at line {first.line}")

    def define_cluster(self, name: str, place: Place, *, is_hashing: bool) -> None:
        """Reserves a cluster's name.

        Args:
            name: What routes call it.
            place: Where it is given.
            is_hashing: Whether it picks servers by the hash of a request.
        """
        self.claim(_CLUSTER, name, place)
        if is_hashing:
            self._hashing.add(name)

    def refer_to_cluster(self, fields: Entries, key: str, *, otherwise: str = _NO_CLUSTER) -> None:
        """Remembers that a message names a cluster, to be looked up when all of them are known.

        Args:
            fields: The message.
            key: Its field that has the name.
            otherwise: What happens when there is no such cluster.
        """
        self._references.append((fields, key, otherwise))

    def expect_hashing(self, name: object, place: Place) -> None:
        """Remembers that a ``hash_policy`` at ``place`` is for the cluster of that name."""
        if isinstance(name, str):
            self._hashed.append((name, place))

    def expect_no_hashing(self, name: object, place: Place) -> None:
        """Remembers that ``place`` sends requests without a hash to the cluster of that name."""
        if isinstance(name, str):
            self._unhashed.append((name, place))

    def check_references(self) -> None:
        """Warns of every cluster that is named and not defined, of hashes that nothing uses or that are not there, and
        of every runtime key that nothing reads."""
        known = [name for kind, name in self._claims if kind == _CLUSTER]
        # Comparing each name with each name is dear; who has so many clusters has a program write the file.
        compares = len(known) * len(self._references) < _MAX_COMPARISONS
        for fields, key, otherwise in self._references:
            name = fields.get(key)
            if isinstance(name, str) and name and (_CLUSTER, name) not in self._claims:
                near = nearest(name, known) if compares else ""
                hint = f"; did you mean {shown(near)}?" if near else ""
                problem = f"no cluster is named {shown(name)}, so {otherwise}{hint}"
                self.report.warning(fields.value_place(key), problem)
        for name, place in self._hashed:
            if (_CLUSTER, name) in self._claims and name not in self._hashing:
                problem = f"without effect on cluster {shown(name)}: its lb_policy is not RING_HASH or MAGLEV"
                self.report.warning(place, problem)
        for name, place in self._unhashed:
            if name in self._hashing:
                advice = "without a hash_policy on this route it picks them at random"
                self.report.warning(place, f"cluster {shown(name)} picks servers by a hash; {advice}")
        self.subsets.check(self.report)
        self.runtime.report_unread(self.report)

    def codec(self, name: str) -> type[Codec] | str:
        """The codec class of a name, or why there is none, as a sentence."""
        if name not in self._codecs:
            try:
                self._codecs[name] = find_codec(name)
            except (CodecNotFound, CodecLoadError) as error:
                self._codecs[name] = str(error)
        return self._codecs[name]

    def filter_model(self, name: str) -> FilterModel | str | None:
        """How the filter of a name is configured, or why it cannot be said, as a sentence; None: there is none."""
        if name not in self._models:
            try:
                found = self.filters.get(name)
            except FilterLoadError as error:
                self._models[name] = str(error)
            else:
                if found is None:
                    return None
                self._models[name] = found
        return self._models[name]
