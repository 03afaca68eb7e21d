"""metaprotocol-sdk: what a service mesh gives HTTP, for any layer-7 protocol, with one small Python codec.

The public face for codec authors. Names load on first use (PEP 562), so that ``import metaprotocol_sdk`` costs
next to nothing and never brings construct, click or hypothesis along.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from metaprotocol_sdk.buffer import Buffer
    from metaprotocol_sdk.codec import Codec, DecodeStatus, Field
    from metaprotocol_sdk.decoder import Decoder
    from metaprotocol_sdk.errors import Error, ErrorType
    from metaprotocol_sdk.exceptions import (
        CodecBug,
        CodecError,
        DecodeError,
        EncodeError,
        MessageTooLarge,
        MetaProtocolError,
    )
    from metaprotocol_sdk.framing import (
        DelimitedFrame,
        FixedFrame,
        Frame,
        FramedCodec,
        Frames,
        StringMap,
        TextMap,
        VarintFrame,
    )
    from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
    from metaprotocol_sdk.mutation import Mutation
    from metaprotocol_sdk.registry import load_codec

_HOMES = {
    "buffer": ("Buffer",),
    "codec": ("Codec", "DecodeStatus", "Field"),
    "decoder": ("Decoder",),
    "errors": ("Error", "ErrorType"),
    "exceptions": ("CodecBug", "CodecError", "DecodeError", "EncodeError", "MessageTooLarge", "MetaProtocolError"),
    "framing": (
        "DelimitedFrame",
        "FixedFrame",
        "Frame",
        "FramedCodec",
        "Frames",
        "StringMap",
        "TextMap",
        "VarintFrame",
    ),
    "metadata": ("MessageType", "Metadata", "ResponseStatus"),
    "mutation": ("Mutation",),
    "registry": ("load_codec",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Buffer",
    "Codec",
    "CodecBug",
    "CodecError",
    "DecodeError",
    "DecodeStatus",
    "Decoder",
    "DelimitedFrame",
    "EncodeError",
    "Error",
    "ErrorType",
    "Field",
    "FixedFrame",
    "Frame",
    "FramedCodec",
    "Frames",
    "MessageTooLarge",
    "MessageType",
    "MetaProtocolError",
    "Metadata",
    "Mutation",
    "ResponseStatus",
    "StringMap",
    "TextMap",
    "VarintFrame",
    "load_codec",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("metaprotocol-sdk")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
