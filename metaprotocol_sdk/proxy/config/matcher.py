"""What one string of a message must be: ``envoy.config.route.v3.HeaderMatcher``, and the messages in it."""

from __future__ import annotations

from typing import Annotated

import re2
from pydantic import PlainValidator, field_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Switch, Text, Whole
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet, without_effect
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import MatcherConfig, MatchKind

Integer = Annotated[int, PlainValidator(Whole(-(2**63), 2**63 - 1))]
"""An ``int64``."""

Asked = tuple[MatchKind, str | tuple[int, int] | bool]
"""What is asked of a string: :attr:`MatcherConfig.kind` and :attr:`MatcherConfig.value`."""

_KINDS = (MatchKind.EXACT, MatchKind.PREFIX, MatchKind.SUFFIX, MatchKind.CONTAINS)

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False  # they are findings; RE2 would write them to stderr too


class GoogleRE2(Message):
    """``envoy.type.matcher.v3.RegexMatcher.GoogleRE2``."""

    ignored = without_effect("max_program_size")


class RegexMatcher(Message):
    """``envoy.type.matcher.v3.RegexMatcher``: the whole string must match."""

    google_re2: GoogleRE2 | None = None
    """The engine, which is RE2 in any case."""

    regex: Text
    """A regular expression in [RE2's syntax](https://github.com/google/re2/wiki/Syntax)."""

    @field_validator("regex")
    @classmethod
    def _compiles(cls, regex: str) -> str:
        try:
            re2.compile(regex, _OPTIONS)
        except re2.error as error:
            reason = error.args[0]
            text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(f"expected a regular expression in RE2's syntax: {text}") from error
        return regex


class Int64Range(Message):
    """``envoy.type.v3.Int64Range``: the string must be a whole number in base 10, from ``start`` on, below ``end``."""

    start: Integer = 0
    """The smallest that matches."""

    end: Integer = 0
    """The first above ``start`` that does not match."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a range that has nothing in it."""
        start, end = fields.get("start") or 0, fields.get("end") or 0
        if type(start) is int and type(end) is int and end <= start:
            problem = f"expected a number over start, {start}: end is excluded, so nothing would match; found {end}"
            context.report.error(fields.value_place("end"), problem)


class StringMatcher(Message):
    """``envoy.type.matcher.v3.StringMatcher``."""

    refused = not_yet("custom")
    one_of = (
        OneOf(
            ("exact", "prefix", "suffix", "contains", "safe_regex", "custom"),
            "expected one of exact, prefix, suffix, contains, safe_regex",
        ),
    )

    exact: str | None = None
    """The string is this."""

    prefix: Text | None = None
    """It begins with this."""

    suffix: Text | None = None
    """It ends with this."""

    contains: Text | None = None
    """This is somewhere in it."""

    safe_regex: RegexMatcher | None = None
    """It matches this, whole."""

    ignore_case: Switch = False
    """ASCII letters compare without case; a ``safe_regex`` says that itself, with ``(?i)``."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Reports a switch that switches nothing."""
        if fields.get("ignore_case") is True and fields.get("safe_regex") is not None:
            problem = "expected false: it has no effect on safe_regex, which begins with (?i) instead"
            context.report.error(fields.value_place("ignore_case"), problem)

    def asked(self) -> Asked:
        """What is asked of the string."""
        if self.safe_regex is not None:
            return MatchKind.SAFE_REGEX, self.safe_regex.regex
        texts = (self.exact, self.prefix, self.suffix, self.contains)
        kind, text = next((kind, text) for kind, text in zip(_KINDS, texts, strict=True) if text is not None)
        return kind, text


class HeaderMatcher(Message):
    """``envoy.config.route.v3.HeaderMatcher``: what one string of a message must be; without a kind: be there."""

    one_of = (OneOf((*(each.value for each in MatchKind), "string_match")),)

    name: Text
    """The string's key, in any case."""

    exact_match: str | None = None
    """The string is this."""

    prefix_match: Text | None = None
    """It begins with this."""

    suffix_match: Text | None = None
    """It ends with this."""

    contains_match: Text | None = None
    """This is somewhere in it."""

    safe_regex_match: RegexMatcher | None = None
    """It matches this, whole."""

    range_match: Int64Range | None = None
    """It is a number in this range."""

    present_match: Switch | None = None
    """True: it is there; false: it is not."""

    string_match: StringMatcher | None = None
    """The same kinds, and whether case counts."""

    invert_match: Switch = False
    """Turns the answer round. A string that is not there matches no kind but ``present_match``, inverted or not."""

    treat_missing_header_as_empty: Switch = False
    """A string that is not there counts as an empty one."""

    def value(self) -> MatcherConfig:
        """What the runtime reads."""
        kind, asked = self._asked()
        return MatcherConfig(
            self.name,
            kind,
            asked,
            ignore_case=kind is not MatchKind.SAFE_REGEX
            and self.string_match is not None
            and self.string_match.ignore_case,
            invert=self.invert_match,
            treat_missing_as_empty=self.treat_missing_header_as_empty,
        )

    def _asked(self) -> Asked:
        if self.string_match is not None:
            return self.string_match.asked()
        for kind, text in zip(
            _KINDS, (self.exact_match, self.prefix_match, self.suffix_match, self.contains_match), strict=True
        ):
            if text is not None:
                return kind, text
        if self.safe_regex_match is not None:
            return MatchKind.SAFE_REGEX, self.safe_regex_match.regex
        if self.range_match is not None:
            return MatchKind.RANGE, (self.range_match.start, self.range_match.end)
        return MatchKind.PRESENT, self.present_match is not False
