"""How these tests read a message or a file, and what they compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.exceptions import ConfigError, Finding
from metaprotocol_sdk.metadata import Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.loader import parse_config
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.values import ProxyConfig

ModelT = TypeVar("ModelT", bound=BaseModel)

WITH_IDS = "tests.helpers:TinyCodec"
WITHOUT_IDS = "tests.proxy.config.reading:NoIdCodec"
WITH_WIDE_IDS = "tests.proxy.config.reading:WideIdCodec"
PROXY_TYPE = "type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy"
PROXY_FILTER = f"""\
name: aeraki.meta_protocol_proxy
typed_config: {{'@type': {PROXY_TYPE}, stat_prefix: s, codec: {{name: '{WITH_IDS}'}}, route_config: {{}}}}
"""


class NoIdCodec(Codec):
    """A protocol without request ids, and with settings of its own."""

    name = "no_ids"

    def __init__(self, *, shape: str = "round", **more: int) -> None:
        super().__init__(**more)
        if shape == "broken":
            raise KeyError(shape)
        if shape != "round":
            raise ValueError(f"shape is {shape!r}; it is round")

    def decode(self, buffer: Buffer, metadata: Metadata) -> DecodeStatus:
        return DecodeStatus.WAIT_FOR_DATA

    def encode(self, metadata: Metadata, mutation: Mutation, buffer: Buffer) -> None:
        buffer.append(metadata.origin_message)

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        buffer.append(error.message.encode())


class WideIdCodec(NoIdCodec):
    """A protocol with more ids than len() can say."""

    name = "wide_ids"
    request_ids = range(1, 1 << 64)


class NeedyCodec(NoIdCodec):
    """A codec that cannot be made without a setting."""

    def __init__(self, *, shape: str) -> None:
        super().__init__(shape=shape)


def said(findings: tuple[Finding, ...]) -> list[str]:
    """Findings as ``line:column severity path: message``."""
    return [f"{each.line}:{each.column} {each.severity.value} {each.path}: {each.message}" for each in findings]


def errors(findings: list[str]) -> list[str]:
    """Those findings that are errors, without their line and column."""
    return [each.split(" ", 2)[2] for each in findings if each.split(" ", 2)[1] == "error"]


def read(
    model: type[ModelT], text: str, *, filters: Mapping[str, FilterModel] | None = None
) -> tuple[ModelT | None, list[str]]:
    """One message of a file that has it at its root, and what is said about it."""
    report = Report("f.yaml")
    context = Context(report, filters or {})
    message = context.validate(model, read_document(text, report))
    context.check_references()
    return message, said(report.findings)


def good(model: type[ModelT], text: str, *, filters: Mapping[str, FilterModel] | None = None) -> ModelT:
    """One message that nothing is said about."""
    message, findings = read(model, text, filters=filters)
    assert findings == []
    assert message is not None
    return message


def bad(model: type[ModelT], text: str, *, filters: Mapping[str, FilterModel] | None = None) -> list[str]:
    """What is said about one message."""
    return read(model, text, filters=filters)[1]


def parse(text: str | bytes) -> tuple[ProxyConfig | None, list[str]]:
    """A whole file, and what is said about it."""
    try:
        config = parse_config(text, file="f.yaml")
    except ConfigError as error:
        return None, said(error.findings)
    return config, said(config.notes)
