"""Where certificates and keys come from: ``envoy.config.core.v3.DataSource``."""

from __future__ import annotations

import base64
import binascii
import os

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.credentials import read_source
from metaprotocol_sdk.proxy.config.fields import Text
from metaprotocol_sdk.proxy.config.message import Message, OneOf
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, Place
from metaprotocol_sdk.proxy.config.values import DataSource as DataSourceValue

_KINDS = ("filename", "inline_string", "inline_bytes", "environment_variable")


class WatchedDirectory(Message):
    """``envoy.config.core.v3.WatchedDirectory``. Files are looked at themselves, whatever directory is named."""

    path: Text
    """A directory, which need not be named for its files to be looked at."""


class DataSource(Message):
    """``envoy.config.core.v3.DataSource``. What a file has is read again whenever the file changes, in place or
    because a symbolic link on its path was swapped."""

    one_of = (OneOf(_KINDS, f"expected one of {', '.join(_KINDS)}"),)

    filename: Text | None = None
    """The file that has it."""

    inline_string: str | None = None
    """It itself."""

    inline_bytes: str | None = None
    """It itself, in base64."""

    environment_variable: Text | None = None
    """The variable of the process's environment that has it, when the file is read."""

    watched_directory: WatchedDirectory | None = None
    """Accepted; the file itself is looked at."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports what cannot be read."""
        source = _value(fields)
        kind = next((each for each in _KINDS if isinstance(fields.get(each), str)), None)
        if source is None and kind is not None and fields[kind]:
            context.report.error(fields.value_place(kind), _problem(kind, fields[kind]))
        elif source is not None and source.filename:
            try:
                read_source(source)
            except ValueError as error:
                context.report.error(fields.value_place("filename"), str(error))

    def value(self) -> DataSourceValue:
        """What the runtime reads."""
        given = {kind: getattr(self, kind) for kind in _KINDS if getattr(self, kind) is not None}
        found = _value(given)
        assert found is not None, "inspect has reported it"
        return found


def _value(fields: dict[str, str]) -> DataSourceValue | None:
    for kind in _KINDS:
        text = fields.get(kind)
        if not isinstance(text, str):
            continue
        if kind == "filename":
            return DataSourceValue(filename=text) if text else None
        data = _data(kind, text)
        return None if data is None else DataSourceValue(data=data)
    return None


def _data(kind: str, text: str) -> bytes | None:
    if kind == "inline_string":
        return text.encode("utf-8", "surrogateescape")
    if kind == "environment_variable":
        found = os.environ.get(text)
        return None if found is None else found.encode("utf-8", "surrogateescape")
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _problem(kind: str, text: str) -> str:
    if kind == "environment_variable":
        return f"the environment has no variable {shown(text)}"
    return f"expected base64, found {shown(text)}"


def peek(message: Entries, key: str) -> bytes | None:
    """What the source at ``key`` of a message has, for checks that relate it to others; None: its own validation says
    what is wrong."""
    if not isinstance(message.get(key), Entries):
        return None
    found = _value(message.child(key))
    if found is None:
        return None
    try:
        return read_source(found)
    except ValueError:
        return None


def source_place(message: Entries, key: str) -> Place:
    """Where the source at ``key`` of a message says what it has."""
    fields = message.child(key)
    kind = next((each for each in _KINDS if each in fields), None)
    return message.value_place(key) if kind is None else fields.value_place(kind)
