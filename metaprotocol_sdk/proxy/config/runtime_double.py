"""Numbers that ``layered_runtime`` may override: ``envoy.config.core.v3.RuntimeDouble``."""

from __future__ import annotations

import math
from typing import Annotated, Any, Self

from pydantic import PlainValidator, PrivateAttr, ValidationInfo, model_validator

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.fields import Kind
from metaprotocol_sdk.proxy.config.message import Message, context_of
from metaprotocol_sdk.proxy.config.sentences import expected, shown
from metaprotocol_sdk.proxy.config.tree import Entries


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise expected("a number from 0", value)
    return float(value)


class RuntimeDouble(Message):
    """``envoy.config.core.v3.RuntimeDouble``: a number, here never below 0."""

    default_value: Annotated[float, PlainValidator(_number), Kind("number from 0")] = 0.0
    """The number when ``layered_runtime`` does not say another."""

    runtime_key: str = ""
    """What a ``static_layer`` of ``layered_runtime`` calls it."""

    _override: float | None = PrivateAttr(default=None)

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Warns of an override that is none."""
        key = fields.get("runtime_key")
        found = context.runtime.find(key) if isinstance(key, str) and key else None
        if found is not None and _read(found) is None:
            problem = f"layered_runtime has {shown(found)} for it, which is no number from 0; default_value counts"
            context.report.warning(fields.value_place("runtime_key"), problem)

    @model_validator(mode="after")
    def _look_up(self, info: ValidationInfo) -> Self:
        if self.runtime_key and isinstance(info.context, Context):
            self._override = _read(context_of(info).runtime.find(self.runtime_key))
        return self

    def value(self) -> float:
        """The number."""
        return self.default_value if self._override is None else self._override


def _read(found: Any) -> float | None:
    try:
        return _number(float(found) if isinstance(found, str) else found)
    except ValueError:
        return None
