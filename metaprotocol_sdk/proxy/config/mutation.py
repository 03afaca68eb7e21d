"""What a route changes in a message's strings: ``KeyValue``, and keys to remove."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Repeated, Text
from metaprotocol_sdk.proxy.config.message import Message, not_yet
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, Items

MAX_KEY_VALUE = 16384
"""Bytes a mutation's key, and its value, may have."""

MAX_MUTATIONS = 1000
"""Changes one mutation may make, and keys it may remove."""


def _bounded(text: str) -> str:
    if len(text) > MAX_KEY_VALUE or len(text.encode()) > MAX_KEY_VALUE:
        raise ValueError(f"expected at most {MAX_KEY_VALUE} bytes of UTF-8, found {len(text.encode())}")
    return text


class KeyValue(Message):
    """``aeraki.meta_protocol_proxy.config.route.v1alpha.KeyValue``: one string set, or replaced."""

    refused = not_yet("append", "append_action", "header", "keep_empty_value")

    key: Annotated[Text, AfterValidator(_bounded)]
    """The string's key; keys compare without case. At most 16384 bytes."""

    value: Annotated[str, AfterValidator(_bounded)] = ""
    """What it becomes; at most 16384 bytes."""


Changes = Annotated[Repeated[KeyValue], Field(max_length=MAX_MUTATIONS)]
"""What a mutation sets."""

Removals = Annotated[tuple[Annotated[Text, AfterValidator(_bounded)], ...], Field(max_length=MAX_MUTATIONS)]
"""The keys a mutation removes."""


def mutation_of(changes: Iterable[KeyValue], removals: Iterable[str]) -> Mutation:
    """The mutation that removes, then sets: a key in both is set, as in Envoy."""
    return Mutation([*((key, None) for key in removals), *((each.key, each.value) for each in changes)])


def warn_of_removed_and_set(fields: Entries, context: Context, *, changes: str, removals: str) -> None:
    """Warns of every key that one message both removes and sets.

    Args:
        fields: The message.
        context: Gets the warnings.
        changes: Its field of KeyValues.
        removals: Its field of keys to remove.
    """
    removed = fields.get(removals)
    if not isinstance(removed, Items):
        return
    keys = [each.get("key") for each in fields.children(changes)]
    set_too = {key.lower() for key in keys if isinstance(key, str)}
    for index, key in enumerate(removed):
        if isinstance(key, str) and key.lower() in set_too:
            problem = f"{changes} sets {shown(key)} too, and that counts"
            context.report.warning(removed.item_place(index), problem)
