"""From what a person types to a :class:`Subject`."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance.foreign.subject import foreign_subject
from metaprotocol_sdk.conformance.frame_samples import subject_of
from metaprotocol_sdk.conformance.subject import Subject
from metaprotocol_sdk.conformance.suite import make_codec
from metaprotocol_sdk.conformance.watchdog import DidNotEnd, time_limit
from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.framing import FramedCodec
from metaprotocol_sdk.registry import find_codec

STRATEGIES = "strategies"
"""The module beside a codec's that says what its messages look like."""
ATTRIBUTE = "subject"
"""What it calls its Subject."""
IMPORT_SECONDS = 30.0
"""How long importing all of that may take."""


def find_subject(target: str) -> Subject:
    """The subject a target names.

    Args:
        target: A codec's registered name or ``module:Class``, whose subject is ``subject`` in the ``strategies`` module
            beside the codec's; or ``module:subject`` itself. A FramedCodec without that module is judged by what its
            frame alone says. With ``@`` and a command after it, the program that the command runs takes the place of
            the codec, as :func:`foreign_codec` says: ``awesomerpc@./awesomerpc``.

    Raises:
        CodecNotFound: No codec has that name.
        CodecLoadError: The codec cannot be loaded.
        ConformanceError: The target or its strategies cannot be imported, or there is no Subject where it should be.
    """
    named, at, command = target.partition("@")
    try:
        with time_limit(IMPORT_SECONDS):
            subject = _subject_named(named)
    except DidNotEnd:
        raise ConformanceError(
            f"{named} cannot be imported within {IMPORT_SECONDS:g} s; does a module of it start something that goes on?"
        ) from None
    return foreign_subject(subject, command) if at else subject


def _subject_named(target: str) -> Subject:
    module_name, colon, attribute = target.partition(":")
    if not colon:
        return _subject_beside(find_codec(target))
    if not module_name or not attribute:
        raise ConformanceError(f"{target!r} is no target; write a codec's name, or module:subject")
    module = _imported(module_name, f"the target {target!r}")
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ConformanceError(
                f"module {module_name!r} has no {attribute!r}; write {ATTRIBUTE} = Subject(...) there"
            )
        found = getattr(found, part)
    if isinstance(found, type) and issubclass(found, Codec):
        return _subject_beside(found)
    return _checked(found, target)


def target_of(subject: Subject) -> str:
    """What a person may type to find a subject, as far as the codec's own modules tell; else the codec's name.

    Raises:
        ConformanceError: It is no subject, or its factory makes no codec.
    """
    codec = make_codec(subject)
    module = type(codec).__module__
    for name in (_beside(type(codec)), module):
        for attribute, value in vars(sys.modules.get(name, object)).items():
            if value is subject:
                return f"{name}:{attribute}"
    return codec.name


def home_of(subject: Subject, target: str) -> str:
    """What a saved failure calls its subject, which may be asked for by its codec's name and by its own.

    Raises:
        ConformanceError: As :func:`target_of` says.
    """
    return target if ":" in target or "@" in target else target_of(subject)


def _beside(codec: type[Codec]) -> str:
    """The module that says what a codec's messages look like."""
    package = codec.__module__.rpartition(".")[0]
    return f"{package}.{STRATEGIES}" if package else STRATEGIES


def _subject_beside(codec: type[Codec]) -> Subject:
    name = _beside(codec)
    what = f"the strategies of codec {codec.name!r}"
    if find_spec(name) is None:
        if issubclass(codec, FramedCodec):
            return subject_of(codec)
        raise ConformanceError(
            f"{what} are looked for in {name}, and there is no such module; write it, with {ATTRIBUTE} = "
            f"Subject({codec.__name__}, requests=..., responses=...), or name another place as module:subject"
        )
    module = _imported(name, what)
    if not hasattr(module, ATTRIBUTE):
        raise ConformanceError(
            f"module {name!r} has no {ATTRIBUTE!r}; write {ATTRIBUTE} = Subject({codec.__name__}, ...) there"
        )
    return _checked(getattr(module, ATTRIBUTE), f"{name}:{ATTRIBUTE}")


def _imported(name: str, what: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConformanceError(
                f"{what} cannot be imported: there is no module {error.name!r}. The working folder and the installed "
                "packages are searched"
            ) from error
        raise ConformanceError(
            f"{what} cannot be imported: {name} imports {error.name!r}, which is not there"
        ) from error
    except (Exception, SystemExit) as error:  # an import runs any code
        raise ConformanceError(
            f"{what} cannot be imported: {name} fails with {type(error).__name__}: {error}"
        ) from error


def _checked(found: object, where: str) -> Subject:
    if not isinstance(found, Subject):
        raise ConformanceError(
            f"{where} is {type(found).__name__}; it must be a metaprotocol_sdk.conformance.Subject, which names the "
            "codec and its messages"
        )
    return found
