"""A header of fixed size: fields declared on construct, read by ``struct`` where that can be.

Fields of one byte order among integers, floats, Flag, Bytes and whole-byte integers of any width, with Const, Default
and Padding around them, compile to one ``struct.Struct``: about ten times as fast as construct, and equal to it, which
property tests hold. Everything else of a fixed size (Enum, BitStruct, PaddedString ...) goes through construct.
"""

from __future__ import annotations

import functools
import keyword
import struct
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import construct

from metaprotocol_sdk.exceptions import DecodeError, EncodeError
from metaprotocol_sdk.framing.parsing import build, parse

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a header that holds a value.

    Args:
        name: Empty for an anonymous constant.
        start: Its first byte in the header.
        end: The byte after its last.
        declaration: Its construct, without the name.
        default: What it holds when nobody says, if ``has_default``.
        constant: Whether it can hold nothing else.
        code: Its ``struct`` code when it has one, without byte order.
        order: The byte order it needs: ``>``, ``<``, ``=`` or empty for any.
        signed: For integers and whole-byte integers.
        big: For whole-byte integers that ``struct`` lacks: most significant byte first; None for other fields.
    """

    name: str
    start: int
    end: int
    declaration: Any
    has_default: bool = False
    default: Any = None
    constant: bool = False
    code: str = ""
    order: str = ""
    signed: bool = False
    big: bool | None = None

    @property
    def width(self) -> int:
        """Bytes."""
        return self.end - self.start

    @property
    def is_integer(self) -> bool:
        """Whether it holds a plain whole number."""
        return self.big is not None or (len(self.code) == 1 and self.code in "bBhHlLqQ")

    @property
    def numbers(self) -> range:
        """The whole numbers from 0 it can hold; empty when it holds none."""
        return range(1 << (8 * self.width - self.signed)) if self.is_integer else range(0)

    def pack(self, value: Any) -> bytes:
        """The field's bytes.

        Raises:
            EncodeError: It cannot hold that value.
        """
        # "3s" pads and cuts in silence, and "?" takes anything: construct is strict where struct is not.
        return build(self.declaration, value, key=self.name)

    def unpack(self, data: bytes) -> Any:
        """What the field's bytes say."""
        return parse(self.declaration, data, path=self.name, offset=self.start)

    def text(self, value: Any) -> str:
        """A value of this field as routing sees it.

        Raises:
            DecodeError: It is bytes that are not UTF-8.
        """
        if isinstance(value, bytes):
            try:
                return value.decode()
            except UnicodeDecodeError as error:
                raise DecodeError("the bytes are not UTF-8", path=self.name, offset=self.start + error.start) from error
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    def pack_text(self, text: str) -> bytes:
        """The bytes that read back as ``text``.

        Raises:
            EncodeError: None do.
        """
        for candidate in _readings(text):
            try:
                data = self.pack(candidate)
                if self.text(self.unpack(data)) == text:
                    return data
            except (EncodeError, DecodeError):
                continue
        raise EncodeError(f"the header field cannot hold {text!r}", key=self.name)


def _readings(text: str) -> list[Any]:
    """What a text may stand for in a field, most likely first; reading it back decides."""
    found: list[Any] = []
    # int() and float() take more than a field's text ever is, and long digits cost quadratic time.
    if len(text) <= 64:
        for convert in (int, float, _hexadecimal):
            try:
                found.append(convert(text))
            except ValueError:
                continue
    if text in ("true", "false"):
        found.append(text == "true")
    found.append(text)
    found.append(text.encode(errors="surrogatepass"))
    return found


def _hexadecimal(text: str) -> int:
    return int(text, 16)


class Layout:
    """The fields of a fixed-size header, in order.

    Attributes:
        size: Bytes.
        slots: The fields that hold values, in order.
        names: The names of those that have one.
        is_compiled: Whether reading is one ``struct`` call.
        unpack_from: ``(data, offset) -> values``, one per slot; constants are not checked by it when compiled.
        header: Makes the named tuple an author sees from the values.
        constants: (index, value) of the constants :attr:`unpack_from` leaves to the caller.
    """

    def __init__(self, fields: Sequence[Any]) -> None:
        slots: list[Slot] = []
        codes: list[str] = []
        at = 0
        for field in fields:
            size = _fixed_size(field)
            name = str(getattr(field, "name", None) or "")
            if _is_padding(field):
                codes.append(f"{size}x")
            else:
                slot = _slot(name, field, at, at + size)
                slots.append(slot)
                codes.append(slot.code)
            at += size
        _refuse_twins([slot.name for slot in slots if slot.name])
        self.size = at
        self.slots = tuple(slots)
        self.names = tuple(slot.name for slot in slots if slot.name)
        self.by_name = {slot.name: slot for slot in slots if slot.name}
        self.index = {slot.name: index for index, slot in enumerate(slots) if slot.name}
        # A named tuple: reading a field of one costs 15 ns, of a construct Container 524. Constants without a name
        # get a positional one, so that the values stand where unpack puts them.
        self._type = namedtuple("Header", [slot.name or "" for slot in slots], rename=True)  # type: ignore[misc] # noqa: PYI024
        # Half the cost of _make, which counts what unpack has counted already.
        self.header: Callable[[Values], Any] = functools.partial(tuple.__new__, self._type)
        orders = {slot.order for slot in slots if slot.order}
        self.is_compiled = all(codes) and len(orders) <= 1
        self.unpack_from: Callable[[Any, int], Values]
        self.constants: tuple[tuple[int, Any], ...] = ()
        if self.is_compiled:
            self._compile("".join([orders.pop() if orders else ">", *codes]))
        else:
            self._declaration = construct.Struct(*fields)
            self.unpack_from = self._parse

    def _compile(self, codes: str) -> None:
        unpack_from = struct.Struct(codes).unpack_from
        wide = [
            (index, "big" if slot.big else "little", slot.signed)
            for index, slot in enumerate(self.slots)
            if slot.big is not None
        ]
        self.constants = tuple((index, slot.default) for index, slot in enumerate(self.slots) if slot.constant)
        if not wide:
            self.unpack_from = unpack_from
            return

        def unpack_wide(data: Any, offset: int) -> Values:
            values = list(unpack_from(data, offset))
            for index, order, signed in wide:
                values[index] = int.from_bytes(values[index], order, signed=signed)  # type: ignore[arg-type]
            return tuple(values)

        self.unpack_from = unpack_wide

    def _parse(self, data: Any, offset: int) -> Values:
        header = parse(self._declaration, bytes(memoryview(data)[offset : offset + self.size]), path="header")
        return tuple(header[slot.name] if slot.name else slot.default for slot in self.slots)

    def check_constants(self, values: Values, offset: int = 0) -> None:
        """Raises DecodeError for the first constant that is another value; ``offset`` is the header's in it."""
        for index, expected in self.constants:
            if values[index] != expected:
                slot = self.slots[index]
                name = slot.name or "magic"
                raise DecodeError(
                    f"{name} is {values[index]!r}, not {expected!r}", path=name, offset=offset + slot.start
                )

    def read(self, data: bytes | bytearray, offset: int = 0) -> dict[str, Any]:
        """The named fields of the header at ``offset``.

        Raises:
            DecodeError: The bytes are too few, or a constant is another value.
        """
        if len(data) - offset < self.size:
            raise DecodeError(
                f"the header has {self.size} bytes and {len(data) - offset} are there", path="header", offset=offset
            )
        values = self.unpack_from(data, offset)
        self.check_constants(values, offset)
        return {slot.name: value for slot, value in zip(self.slots, values, strict=True) if slot.name}

    def build(self, values: Mapping[str, Any]) -> bytes:
        """The header's bytes; fields not in ``values`` hold their default, padding is zero.

        Raises:
            EncodeError: A field has no value and no default, or cannot hold the one it has.
        """
        header = bytearray(self.size)
        for slot in self.slots:
            value = values.get(slot.name)
            if value is None and slot.has_default:
                value = slot.default
            elif slot.name not in values:
                raise EncodeError("the header field has no value and no default", key=slot.name)
            header[slot.start : slot.end] = slot.pack(value)
        return bytes(header)


def _fixed_size(field: Any) -> int:
    if not isinstance(field, construct.Construct):
        raise ValueError(f'{field!r} is not a construct; a field is written as "name" / Int32ub')
    name = getattr(field, "name", None) or repr(field)
    try:
        size = int(field.sizeof())
    except (construct.ConstructError, LookupError, TypeError, AttributeError):
        raise ValueError(
            f"header field {name} has no fixed size; a header is fixed-size fields. What varies comes after it: "
            "headers=StringMap(...), or read from the body in describe()"
        ) from None
    if size < 0:
        raise ValueError(f"header field {name} would have {size} bytes")
    return size


def _refuse_twins(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two header fields are named {name!r}; give each its own name")
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            raise ValueError(
                f"a header field cannot be named {name!r}; it is an attribute of the header, like body_len"
            )


def _unwrapped(field: Any) -> Any:
    while isinstance(field, construct.Renamed):
        field = field.subcon
    return field


def _has_hook(field: Any) -> bool:
    """Whether construct calls a function of the author's when it reads the field (``Int8ub * hook``)."""
    while field is not None:
        if field.parsed is not None:
            return True
        field = getattr(field, "subcon", None)
    return False


def _is_padding(field: Any) -> bool:
    inner = _unwrapped(field)
    if not isinstance(inner, construct.Padded) or inner.subcon is not construct.Pass:
        return False
    if inner.pattern != b"\x00":
        pattern = inner.pattern * inner.sizeof()
        raise ValueError(
            f"padding that is not zeros is a field: name it, and say Default(Bytes({len(pattern)}), {pattern!r})"
        )
    return True


def _slot(name: str, field: Any, start: int, end: int) -> Slot:
    inner = _unwrapped(field)
    facts: dict[str, Any] = {}
    plain = inner
    if isinstance(inner, construct.Const):
        facts = {"has_default": True, "default": inner.value, "constant": True}
        plain = _unwrapped(inner.subcon)
    elif isinstance(inner, construct.Default) and not callable(inner.value):
        facts = {"has_default": True, "default": inner.value}
        plain = _unwrapped(inner.subcon)
    elif getattr(inner, "flagbuildnone", False):
        raise ValueError(
            f"header field {name or repr(field)} computes its own value; declare the plain field, and compute it where "
            "the message is built"
        )
    if not name and not facts.get("constant"):
        raise ValueError(
            f"a header field without a name is a Const or a Padding; name {field!r}, or say Padding({end - start})"
        )
    if facts:
        _check_default(name or "Const", plain, facts["default"])
    code = {} if _has_hook(field) else _code(plain, end - start)
    return Slot(name, start, end, plain if not facts.get("constant") else inner, **facts, **code)


def _check_default(name: str, plain: Any, value: Any) -> None:
    try:
        build(plain, value, key=name)
    except EncodeError as error:
        raise ValueError(f"header field {name} cannot hold the value it is declared with: {error.reason}") from None


_FORMATS = frozenset("bBhHlLqQefd?")


def _code(plain: Any, size: int) -> dict[str, Any]:
    """The ``struct`` code of a construct that has one, with what else it takes to read it."""
    kind = type(plain)  # not isinstance: what an author derives from these may read otherwise
    if kind is construct.FormatField and plain.fmtstr[1:] in _FORMATS:
        order, code = plain.fmtstr
        # In native order "l" has the platform's width unless the order is "=", which construct uses for native.
        return {"code": code, "order": "" if size == 1 else order, "signed": code in "bhlq"}
    if plain is construct.Flag:
        return {"code": "?"}
    if kind is construct.BytesInteger and size and isinstance(plain.swapped, bool):
        return {"code": f"{size}s", "big": not plain.swapped, "signed": bool(plain.signed)}
    if kind is construct.Bytes and size:
        return {"code": f"{size}s"}
    return {}
