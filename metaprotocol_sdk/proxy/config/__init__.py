"""Configuration in Envoy's words, and the frozen values the runtime reads.

``load_config`` and its kin load on use (PEP 562): the runtime imports ``values`` and must not pay for pydantic.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaprotocol_sdk.proxy.config.extension import FilterModel
    from metaprotocol_sdk.proxy.config.loader import Document, load_config, load_document, parse_config
    from metaprotocol_sdk.proxy.config.message import Message

__all__ = ["Document", "FilterModel", "Message", "load_config", "load_document", "parse_config"]

_HOMES = {
    "Document": "loader",
    "FilterModel": "extension",
    "Message": "message",
    "load_config": "loader",
    "load_document": "loader",
    "parse_config": "loader",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
