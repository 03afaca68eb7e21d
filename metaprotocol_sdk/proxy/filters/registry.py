"""Names to filters: this proxy's own, and the entry-point group ``metaprotocol.filters``.

A project registers its filter in pyproject.toml, and nothing is imported before a configuration names it::

    [project.entry-points."metaprotocol.filters"]
    "example.filters.audit" = "example.audit:AUDIT"

``AUDIT`` is a :class:`~metaprotocol_sdk.proxy.filters.filter.FilterType`. The router is always there and not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, TypeVar

from metaprotocol_sdk.exceptions import FilterLoadError
from metaprotocol_sdk.proxy.filters.filter import FilterFactory, FilterType
from metaprotocol_sdk.registry import import_target

if TYPE_CHECKING:  # the runtime does not pay for pydantic
    from metaprotocol_sdk.proxy.config.extension import FilterModel

GROUP = "metaprotocol.filters"

_HERE = "metaprotocol_sdk.proxy.filters"
BUILT_IN: Mapping[str, str] = {
    "aeraki.meta_protocol.filters.fault": f"{_HERE}.fault:FAULT",
    "aeraki.meta_protocol.filters.local_ratelimit": f"{_HERE}.local_rate_limit:LOCAL_RATE_LIMIT",
    "aeraki.meta_protocol.filters.metadata_exchange": f"{_HERE}.metadata_exchange:METADATA_EXCHANGE",
    "aeraki.meta_protocol.filters.rbac": f"{_HERE}.rbac:RBAC",
}
"""This proxy's own filters: name to ``module:name``."""

_T = TypeVar("_T")


def find_filter(name: str) -> FilterType:
    """The filter registered by ``name``.

    Raises:
        KeyError: None is.
        FilterLoadError: It is there and cannot be loaded.
    """
    return _load(name, _targets()[name])


def filter_models() -> Mapping[str, FilterModel]:
    """How each registered filter is configured, by name: what ``load_config`` takes. Each is loaded when it is asked
    for, with :class:`FilterLoadError` when it cannot be."""
    return _Registered(lambda found: found.model)


def filter_factories() -> Mapping[str, FilterFactory]:
    """What makes each registered filter, by name; loaded as those of :func:`filter_models` are."""
    return _Registered(lambda found: found.factory)


class _Registered(Mapping[str, _T]):
    """One part of each registered filter. Only reading one loads it."""

    def __init__(self, part: Callable[[FilterType], _T]) -> None:
        self._part = part
        self._known = _targets()

    def __getitem__(self, name: str) -> _T:
        return self._part(_load(name, self._known[name]))

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _targets() -> dict[str, set[str]]:
    """Every name, this proxy's own first, and what is registered by it."""
    found = {name: {target} for name, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        found.setdefault(point.name, set()).add(point.value)
    return found


def _load(name: str, targets: set[str]) -> FilterType:
    if len(targets) > 1:
        listed = " and ".join(sorted(targets))
        raise FilterLoadError(name, f"{len(targets)} filters are registered by that name, {listed}; uninstall one")
    (target,) = targets
    try:
        found = import_target(target)
    except ImportError as error:
        raise FilterLoadError(name, str(error)) from error
    if not isinstance(found, FilterType):
        raise FilterLoadError(name, f"{target} is no FilterType, but {type(found).__name__}")
    if found.model.name != name:
        raise FilterLoadError(name, f"{target} says that its name is {found.model.name!r}; register it by that name")
    return found
