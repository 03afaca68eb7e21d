"""Shares of requests: ``FractionalPercent``, and ``RuntimeFractionalPercent``, which a runtime key overrides."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import PlainValidator, PrivateAttr, ValidationError, ValidationInfo, model_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Count, word
from metaprotocol_sdk.proxy.config.message import Message, context_of
from metaprotocol_sdk.proxy.config.runtime import percentage
from metaprotocol_sdk.proxy.config.sentences import shown
from metaprotocol_sdk.proxy.config.tree import Entries

Denominator = Literal["HUNDRED", "TEN_THOUSAND", "MILLION"]
"""``envoy.type.v3.FractionalPercent.DenominatorType``."""

_DENOMINATORS: dict[Denominator, int] = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
_WORDS: dict[str, Denominator] = {each: each for each in _DENOMINATORS}


class FractionalPercent(Message):
    """``envoy.type.v3.FractionalPercent``: ``numerator`` of ``denominator`` requests."""

    numerator: Count = 0
    """How many."""

    denominator: Annotated[Denominator, PlainValidator(word(_WORDS))] = "HUNDRED"
    """Of how many."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of more than all."""
        numerator, word = fields.get("numerator"), fields.get("denominator") or "HUNDRED"
        of = _DENOMINATORS[_WORDS[word]] if isinstance(word, str) and word in _WORDS else None
        if isinstance(numerator, int) and of is not None and numerator > of:
            problem = f"{numerator} of {of} is more than all, and taken for all"
            context.report.warning(fields.value_place("numerator"), problem)

    def value(self) -> float:
        """The share, 0 to 1."""
        return min(1.0, self.numerator / _DENOMINATORS[self.denominator])


class RuntimeFractionalPercent(Message):
    """``envoy.config.core.v3.RuntimeFractionalPercent``: a share that ``layered_runtime`` may override."""

    default_value: FractionalPercent = FractionalPercent()
    """The share when ``layered_runtime`` does not say another; not given, it is 0, as in Envoy."""

    runtime_key: str = ""
    """What a ``static_layer`` of ``layered_runtime`` calls it: there a whole number is a percentage, and a mapping with
    ``numerator`` and ``denominator`` a fraction."""

    _override: float | None = PrivateAttr(default=None)

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of a share that is nothing, or of an override that is none."""
        key = fields.get("runtime_key")
        found = context.runtime.find(key) if isinstance(key, str) and key else None
        if found is not None:
            if _share(found) is None:
                problem = f"layered_runtime has {shown(found)} for it, which is no share; default_value counts"
                context.report.warning(fields.value_place("runtime_key"), problem)
        elif fields.get("default_value") is None:
            context.report.warning(fields.place, "without default_value the share is 0: this does nothing")

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> Self:
        if self.runtime_key and isinstance(info.context, Context):
            self._override = _share(context_of(info).runtime.find(self.runtime_key))
        return self

    def value(self) -> float:
        """The share, 0 to 1."""
        return self.default_value.value() if self._override is None else self._override


def _share(found: Any) -> float | None:
    """The share that a runtime value is, as Envoy reads it: a whole number is a percentage."""
    if (share := percentage(found)) is not None:
        return share
    try:
        return FractionalPercent.model_validate(found).value() if isinstance(found, dict) else None
    except ValidationError:
        return None
