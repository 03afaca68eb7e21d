"""One concern a file: each sees every request on its way in and every reply on its way out.

The names here are what the author of a filter needs; they load on use (PEP 562), because a model loads pydantic and the
runtime does not. The router is the chain's end and lives in ``proxy/router.py``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaprotocol_sdk.proxy.config.extension import FilterModel
    from metaprotocol_sdk.proxy.config.message import Message
    from metaprotocol_sdk.proxy.config.values import NodeConfig, TrafficDirection
    from metaprotocol_sdk.proxy.filters.delay import Delay
    from metaprotocol_sdk.proxy.filters.filter import Filter, FilterContext, FilterFactory, FilterType, Verdict
    from metaprotocol_sdk.proxy.filters.registry import filter_factories, filter_models
    from metaprotocol_sdk.proxy.metrics import Counters
    from metaprotocol_sdk.proxy.peer import Peer, TlsIdentity
    from metaprotocol_sdk.proxy.stream import Stream

__all__ = [
    "Counters",
    "Delay",
    "Filter",
    "FilterContext",
    "FilterFactory",
    "FilterModel",
    "FilterType",
    "Message",
    "NodeConfig",
    "Peer",
    "Stream",
    "TlsIdentity",
    "TrafficDirection",
    "Verdict",
    "filter_factories",
    "filter_models",
]

_HOMES = {
    "Counters": "metrics",
    "Delay": "filters.delay",
    "Filter": "filters.filter",
    "FilterContext": "filters.filter",
    "FilterFactory": "filters.filter",
    "FilterModel": "config.extension",
    "FilterType": "filters.filter",
    "Message": "config.message",
    "NodeConfig": "config.values",
    "Peer": "peer",
    "Stream": "stream",
    "TlsIdentity": "peer",
    "TrafficDirection": "config.values",
    "Verdict": "filters.filter",
    "filter_factories": "filters.registry",
    "filter_models": "filters.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"metaprotocol_sdk.proxy.{_HOMES[name]}"), name)
