"""What the fields of a binary header are for: which tells the length, the id, the strings.

Worked out once, when a frame is declared, so that a mistake is a sentence at import and decoding is arithmetic.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from metaprotocol_sdk.exceptions import EncodeError
from metaprotocol_sdk.framing.expression import Expression, Linear
from metaprotocol_sdk.framing.layout import Layout, Slot


@dataclass(frozen=True, slots=True)
class IdField:
    """The header field that pairs a reply with its request: ``id = field * scale + offset``."""

    slot: Slot
    index: int
    scale: int
    offset: int

    @classmethod
    def from_expression(cls, expression: Expression, layout: Layout) -> IdField:
        """Raises ValueError when ``expression`` is not one integer field, scaled and moved at most."""
        linear = Linear.from_expression("request_id", expression, layout.names)
        if len(linear.terms) != 1:
            raise ValueError("request_id reads more than one header field; it is one field")
        ((name, scale),) = linear.terms
        slot = layout.by_name[name]
        if not slot.is_integer or slot.constant:
            raise ValueError(f"request_id={name}: an id is an integer field that may hold any number")
        return cls(slot, layout.index[name], scale, linear.offset)

    @property
    def ids(self) -> range:
        """The ids a proxy may write: those of the field's numbers from 1 on, as 0 often means none."""
        numbers = self.slot.numbers[1:]
        return range(numbers.start * self.scale + self.offset, numbers.stop * self.scale + self.offset, self.scale)

    def packer(self) -> Callable[[int], bytes]:
        """A function from an id to the field's bytes; it raises EncodeError for an id the field cannot hold."""
        slot, scale, offset = self.slot, self.scale, self.offset
        pack = struct.Struct((slot.order or ">") + slot.code).pack if slot.big is None else slot.pack

        def pack_id(request_id: int) -> bytes:
            number, rest = divmod(request_id - offset, scale)
            try:
                if not rest:
                    return pack(number)
            except (struct.error, EncodeError):
                pass
            raise EncodeError(f"the field holds {slot.width} bytes and cannot say id {request_id}", key=slot.name)

        return pack_id


@dataclass(frozen=True, slots=True)
class StringField:
    """A header field that routing sees as a string.

    Args:
        key: The string's key, as declared.
        slot: The field.
        index: Its place among the header's values.
        is_owned: Whether framing writes it (a length, the id, a constant), so that a mutation cannot.
    """

    key: str
    slot: Slot
    index: int
    is_owned: bool

    @property
    def is_plain(self) -> bool:
        """Whether it is a whole number under a lower-case key: ``folded[key] = str(value)`` is all there is to do."""
        return self.slot.is_integer and self.key == self.key.lower()

    def pack(self, text: str | None) -> bytes:
        """The field's bytes for a mutation's text.

        Raises:
            EncodeError: It cannot hold the text, cannot be removed, or framing writes it.
        """
        if self.is_owned:
            raise EncodeError(f"framing writes the header field {self.slot.name}; a mutation cannot", key=self.key)
        if text is None:
            raise EncodeError(f"it is the header field {self.slot.name}, which every message has", key=self.key)
        try:
            return self.slot.pack_text(text)
        except EncodeError as error:
            raise EncodeError(error.reason, key=self.key) from None


def string_fields(strings: Mapping[str, Expression], layout: Layout, owned: frozenset[str]) -> dict[str, StringField]:
    """The declared strings by lower-case key.

    Raises:
        ValueError: One is not a header field as it stands, or two keys differ in case alone.
    """
    found: dict[str, StringField] = {}
    for key, expression in strings.items():
        linear = Linear.from_expression(f"strings[{key!r}]", expression, layout.names)
        if not linear.is_field:
            raise ValueError(
                f"strings[{key!r}] is computed; it names one header field, and describe() sets the computed ones"
            )
        name = linear.terms[0][0]
        slot = layout.by_name[name]
        if key.lower() in found:
            raise ValueError(f"strings has {key!r} twice: keys compare case-insensitively")
        found[key.lower()] = StringField(key, slot, layout.index[name], slot.constant or name in owned)
    return found
