"""The base of every message of a configuration file.

A message reads its keys as protobuf's JSON reader does (camelCase or snake_case; null is absent) and says of each key
it does not take why: not supported yet, belongs elsewhere, or unknown, with the nearest known one.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationInfo, model_validator

from metaprotocol_sdk.names import nearest
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries, snake

NOT_YET = "not supported yet by this proxy"
"""What is said of what Envoy has and this proxy does not have now."""


def not_yet(*keys: str) -> dict[str, str]:
    """A :attr:`Message.refused` table of keys that Envoy knows and this proxy does not support now."""
    return dict.fromkeys(keys, NOT_YET)


def belongs_in(place: str, *keys: str) -> dict[str, str]:
    """A :attr:`Message.refused` table of keys that are another message's.

    Args:
        place: That message as it is written here: ``route: {…}``.
        keys: Its fields that are looked for here.
    """
    return dict.fromkeys(keys, f"belongs in {place}")


def without_effect(*keys: str) -> dict[str, str]:
    """A :attr:`Message.ignored` table of keys that cannot matter to this proxy."""
    return dict.fromkeys(keys, "accepted, and without effect in this proxy")


def context_of(info: ValidationInfo) -> Context:
    """What the loader hands to every validator."""
    assert isinstance(info.context, Context), "messages of a file are validated by Context.validate"
    return info.context


@dataclass(frozen=True, slots=True)
class OneOf:
    """A protobuf ``oneof``: fields of which at most one is there.

    Args:
        names: The fields, those not supported yet included, so that giving one of them is not also missing another.
        missing: What is said when none is there, or empty when that is allowed.
    """

    names: tuple[str, ...]
    missing: str = ""

    def check(self, fields: Entries, refused: Container[str], report: Report) -> None:
        """Reports a second field that is not refused anyway, or that there is none."""
        given = [name for name in fields if name in self.names and fields[name] is not None]
        supported = [name for name in given if name not in refused]
        for name in supported[1:]:
            report.error(fields.key_place(name), f"only one of {supported[0]} and {name} can be given")
        if not given and self.missing:
            report.error(fields.value_place(self.names[0]), self.missing)


class Message(BaseModel):
    """One message of Envoy's configuration, in Envoy's words.

    Attributes:
        refused: Keys that Envoy knows and this proxy refuses, with the reason.
        ignored: Keys accepted and not looked into, with what a note says of them.
        waiting: Fields that are read and that nothing uses now, with what a note says of them.
        one_of: The message's ``oneof`` groups. A field of a group that may not be empty has a default all the same,
            which is never used: its absence is reported by the group.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    refused: ClassVar[Mapping[str, str]] = {}
    ignored: ClassVar[Mapping[str, str]] = {}
    waiting: ClassVar[Mapping[str, str]] = {}
    one_of: ClassVar[tuple[OneOf, ...]] = ()

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports what relates several fields, or this message to others. Runs whatever else is wrong with it.

        Args:
            fields: The message as it is written, its own keys in snake_case. Nothing in it is validated yet.
            context: Gets the findings.
        """

    @model_validator(mode="before")
    @classmethod
    def _read_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if not isinstance(data, Entries) or not isinstance(info.context, Context):
            return data
        report = info.context.report
        fields = data.renamed(snake)
        if len(fields) != len(data):
            _report_two_spellings(data, report)
        known = {}
        for key, value in fields.items():
            if key not in cls.model_fields:
                cls._report_key(key, fields, data, report)
            elif value is not None:
                known[key] = value
                if key in cls.waiting:
                    report.note(fields.key_place(key), cls.waiting[key])
        for group in cls.one_of:
            group.check(fields, cls.refused, report)
        cls.inspect(fields, info.context)
        return known

    @classmethod
    def _report_key(cls, key: str, fields: Entries, data: Entries, report: Report) -> None:
        place = fields.key_place(key)
        if key in cls.ignored:
            report.note(place, cls.ignored[key])
        elif key in cls.refused:
            if fields[key] is not None:
                report.error(place, cls.refused[key])
        else:
            known = [*cls.model_fields, *cls.refused, *cls.ignored]
            # A key of a hundred characters is no typing error, and comparing it costs.
            near = nearest(key, known) if len(key) < 100 else ""
            instead = f"did you mean {near}?" if near else f"known are {', '.join(cls.model_fields) or 'none'}"
            written = shown(key if key in data else next(each for each in data if snake(each) == key))
            report.error(place, f"unknown key {written}; {instead}")


def _report_two_spellings(data: Entries, report: Report) -> None:
    first: dict[str, str] = {}
    for key in data:
        other = first.setdefault(snake(key), key)
        if other != key:
            line = data.key_place(other).line
            place = replace(data.key_place(key), path=data.key_place(snake(key)).path)
            if repr(data[key]) == repr(data[other]):
                report.warning(place, f"given already at line {line} as {other}, with the same value")
            else:
                report.error(place, f"given already at line {line} as {other}, with another value")
