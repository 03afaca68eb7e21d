"""A configuration file to the values the runtime reads, or to every finding at once."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace

from metaprotocol_sdk.exceptions import ConfigError
from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.document import MAX_SIZE, read_document
from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Place
from metaprotocol_sdk.proxy.config.values import ProxyConfig

NO_FILTERS: Mapping[str, FilterModel] = {}
"""No filter but the router, which is always known."""


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration, and the text it was read from.

    Args:
        text: The YAML.
        file: What findings call it.
        config: What it says.
    """

    text: bytes
    file: str
    config: ProxyConfig


def load_config(path: str | os.PathLike[str], *, filters: Mapping[str, FilterModel] = NO_FILTERS) -> ProxyConfig:
    """The configuration in a file of Envoy bootstrap YAML; see :func:`load_document`."""
    return load_document(path, filters=filters).config


def load_document(path: str | os.PathLike[str], *, filters: Mapping[str, FilterModel] = NO_FILTERS) -> Document:
    """The configuration in a file of Envoy bootstrap YAML, with its text.

    Args:
        path: The file; UTF-8, at most 16 MiB.
        filters: How each kind of ``meta_protocol_filters`` beside the router is configured, by name; all that are
            installed: ``metaprotocol_sdk.proxy.filters.registry.filter_models()``.

    Raises:
        ConfigError: The file cannot be read or used; every finding is in it, in the file's order.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            data = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        report = Report(name)
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        report.error(Place(0, 0, ""), f"the file cannot be read: {reason}")
        raise ConfigError(report.findings) from error
    return Document(data, name, parse_config(data, file=name, filters=filters))


def parse_config(
    text: str | bytes, *, file: str = "<string>", filters: Mapping[str, FilterModel] = NO_FILTERS
) -> ProxyConfig:
    """The configuration in Envoy bootstrap YAML.

    Args:
        text: The YAML; bytes are UTF-8.
        file: What findings call it.
        filters: As :func:`load_config` takes them.

    Returns:
        The configuration; warnings and notes, in the file's order, are its ``notes``.

    Raises:
        ConfigError: It cannot be used; every finding is in it, in the file's order.
    """
    with _collector_paused():
        return _parse(text, Report(file), filters)


def _parse(text: str | bytes, report: Report, filters: Mapping[str, FilterModel]) -> ProxyConfig:
    root = read_document(text, report)
    context = Context(report, filters)
    bootstrap = context.validate(Bootstrap, root)
    context.check_references()
    report.raise_errors()
    assert bootstrap is not None, "what cannot be validated has an error in the report"
    if not bootstrap.static_resources.listeners:
        report.warning(root.value_place("static_resources"), "no listener is defined: this proxy serves nobody")
    return replace(bootstrap.value(), notes=report.findings)


@contextmanager
def _collector_paused() -> Iterator[None]:
    # A big file is a million objects that all live until the end. Looking through them for garbage again and again
    # was most of the work: 10,000 routes (3.8 MB) took 4.1 s of CPU, and take 1.4 s.
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()
