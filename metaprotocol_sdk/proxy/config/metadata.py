"""What servers are said to have, and routes to ask for: ``envoy.config.core.v3.Metadata``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator

from metaprotocol_sdk.proxy.config.fields import Data
from metaprotocol_sdk.proxy.config.message import Message, without_effect
from metaprotocol_sdk.proxy.config.sentences import expected
from metaprotocol_sdk.proxy.config.tree import Entries, plain
from metaprotocol_sdk.proxy.config.values import LbMetadata, lb_metadata

LB = "envoy.lb"
"""The part that says which servers take a request."""


def _is_structured(value: dict[str, object]) -> dict[str, object]:
    found = value.get(LB, {})
    if not isinstance(found, Mapping):
        raise expected(f"a mapping under {LB}", found)
    return value


class Metadata(Message):
    """``envoy.config.core.v3.Metadata``: keys and values by who reads them."""

    ignored = without_effect("typed_filter_metadata")

    filter_metadata: Annotated[Data, AfterValidator(_is_structured)] = {}  # noqa: RUF012 - a frozen model's default
    """Of it ``envoy.lb`` is read, any keys with any values; two values are the same when they are written the same, and
    ``1`` is ``1.0``."""

    def value(self) -> LbMetadata:
        """What the runtime reads."""
        return lb_metadata(self.filter_metadata.get(LB) or {})


def written(fields: Entries, key: str) -> LbMetadata | None:
    """The ``envoy.lb`` of a Metadata that is not validated yet, at ``key`` of a message; None: there is none."""
    found = fields.child(key).child("filter_metadata").get(LB)
    return lb_metadata(plain(found)) if isinstance(found, Entries) else None
