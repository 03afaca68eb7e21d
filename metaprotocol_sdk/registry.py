"""Names to codecs: the entry-point group ``metaprotocol.codecs``, and ``module:Class``.

A project registers its codec in pyproject.toml, and nothing is imported before it is asked for::

    [project.entry-points."metaprotocol.codecs"]
    my_protocol = "my_protocol.codec:MyProtocolCodec"
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from metaprotocol_sdk.codec import CODEC_API, Codec
from metaprotocol_sdk.exceptions import CodecLoadError, CodecNotFound
from metaprotocol_sdk.names import fold, nearest, short_name

GROUP = "metaprotocol.codecs"


@dataclass(frozen=True, slots=True)
class Registration:
    """One registered codec, loaded or with the reason it cannot be."""

    name: str
    target: str
    """``module:Class``"""
    distribution: str
    """The installed project it came with and its version, or empty."""
    codec: type[Codec] | None
    problem: str = ""


def codec_names() -> list[str]:
    """Every registered name, sorted; nothing is loaded."""
    return sorted({point.name for point in _points()})


def registrations() -> list[Registration]:
    """Every registered codec, loaded; one that cannot be does not hide the others."""
    found = []
    for point in sorted(_points(), key=lambda point: (point.name, point.value)):
        distribution = f"{point.dist.name} {point.dist.version}" if point.dist else ""
        try:
            codec: type[Codec] | None = _load_target(point.name, point.value)
            problem = ""
        except CodecLoadError as error:
            codec, problem = None, error.reason
        found.append(Registration(point.name, point.value, distribution, codec, problem))
    return found


def find_codec(name: str) -> type[Codec]:
    """The codec class of a name.

    Args:
        name: A registered name, with or without ``aeraki.meta_protocol.codec.`` before it (compared without ``-``
            and ``_`` and case), or ``package.module:Class``.

    Raises:
        CodecNotFound: Nothing has that name; says the nearest one.
        CodecLoadError: It is there and cannot be loaded.
    """
    if ":" in name:
        return _load_target(name, name)
    wanted = fold(short_name(name))
    points = list(_points())
    matching = [point for point in points if fold(point.name) == wanted]
    if not matching:
        known = sorted({point.name for point in points})
        raise CodecNotFound(name, nearest=nearest(short_name(name), known), known=known)
    targets = sorted({point.value for point in matching})
    if len(targets) > 1:
        raise CodecLoadError(
            name, f"{len(targets)} installed projects register it, as {' and '.join(targets)}; uninstall one"
        )
    return _load_target(name, targets[0])


def load_codec(name: str, /, **config: Any) -> Codec:
    """A codec, ready to use: ``load_codec("thrift", max_message_size=4096)``.

    Args:
        name: As :func:`find_codec` takes it.
        config: The codec's own keyword arguments.

    Raises:
        CodecNotFound: Nothing has that name; says the nearest one.
        CodecLoadError: It cannot be loaded, or does not take this configuration.
    """
    codec = find_codec(name)
    check_config(name, codec, config)
    try:
        return codec(**config)
    except Exception as error:  # its constructor runs any code
        reason = str(error) if isinstance(error, (TypeError, ValueError)) else f"{type(error).__name__}: {error}"
        raise CodecLoadError(name, f"it refuses its configuration {config!r}: {reason}") from error


def check_config(name: str, codec: type[Codec], config: Mapping[str, Any]) -> None:
    """Raises CodecLoadError when ``codec`` has no keyword argument that ``config`` names, or needs one more."""
    try:
        inspect.signature(codec).bind(**config)
    except TypeError as error:
        takes = [each.name for each in inspect.signature(codec).parameters.values() if each.kind is each.KEYWORD_ONLY]
        raise CodecLoadError(
            name, f"its configuration does not fit: {error}; it takes {', '.join(takes) or 'none'}"
        ) from error


def _points() -> Iterable[EntryPoint]:
    return entry_points(group=GROUP)


def import_target(target: str) -> Any:
    """The object an entry point names: ``package.module:name``.

    Raises:
        ImportError: Importing it fails, whatever it raises; the text is a clause that says how.
    """
    module_name, _, attribute = target.partition(":")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (Exception, SystemExit) as error:  # an import runs any code, and any failure of it is the plug-in's
        reason = f"importing {target} fails with {type(error).__name__}: {error}"
        if isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}."):
            reason += "; install the project it is in, or add its folder to PYTHONPATH"
        raise ImportError(reason) from error
    return found


def _load_target(name: str, target: str) -> type[Codec]:
    try:
        found = import_target(target)
    except ImportError as error:
        raise CodecLoadError(name, str(error)) from error
    return _checked(name, target, found)


def _checked(name: str, target: str, found: object) -> type[Codec]:
    if not (isinstance(found, type) and issubclass(found, Codec)):
        raise CodecLoadError(name, f"{target} is not a subclass of metaprotocol_sdk.Codec")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise CodecLoadError(name, f"{target} lacks {missing}")
    if found.api != CODEC_API:
        raise CodecLoadError(
            name,
            f"{target} was written for version {found.api} of the codec contract and this SDK has {CODEC_API}; "
            "install matching versions of both",
        )
    if not isinstance(getattr(found, "name", None), str):
        raise CodecLoadError(name, f'{target} has no name; give the class a `name = "..."`')
    return found
