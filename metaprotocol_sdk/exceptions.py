"""What Python raises.

* :class:`MetaProtocolError`: every error of this library that a user can cause

  * :class:`CodecError`: one message or one codec

    * :class:`DecodeError`: these bytes can never become a message

      * :class:`MessageTooLarge`: a message, or what claims to be one, is over the limit

    * :class:`EncodeError`: the protocol cannot say what it was asked to
    * :class:`CodecBug`: the codec broke its contract

  * :class:`CodecNotFound`: no codec has that name
  * :class:`CodecLoadError`: the codec is there and cannot be loaded
  * :class:`FilterLoadError`: the proxy's filter is there and cannot be loaded
  * :class:`ScaffoldError`: a project cannot be generated as asked
  * :class:`ConfigError`: a configuration file, with every finding in it
  * :class:`ConformanceError`: a conformance run cannot start
  * :class:`DemoError`: the demonstration cannot go on
  * :class:`WorkerError`: a process of a proxy of several does not do what it should
  * :class:`ProxyError`: one request cannot be answered by its server

An exception holds fields, ``__str__`` makes the sentence. Those that can end a request carry the
:class:`~metaprotocol_sdk.errors.ErrorType` it is answered with.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from metaprotocol_sdk.errors import Error, ErrorType


class MetaProtocolError(Exception):
    """Base of every error a user of this library can cause; ``str()`` is a sentence that says what to do."""

    exit_code: ClassVar[int] = 1
    """What a command that ends with this error returns: 1 findings, 2 usage or configuration."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        # The default calls the class with args, which is not how those with several fields are made.
        return _revived, (type(self), self.args, vars(self))


def _revived(kind: type[MetaProtocolError], args: tuple[object, ...], fields: dict[str, object]) -> MetaProtocolError:
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


class CodecError(MetaProtocolError):
    """Base of what a codec may raise, and of what is raised about one."""

    error_type: ClassVar[ErrorType] = ErrorType.UNSPECIFIED


class DecodeError(CodecError):
    """These bytes can never become a message, whatever follows them. The connection that sent them ends.

    Args:
        reason: What is wrong, as a clause: ``"the magic is 0xbeef, not 0xdabb"``.
        path: Which part of the message, dotted: ``"headers[2].key"``.
        offset: Where in the message the fault starts, in bytes from its first byte.
    """

    error_type = ErrorType.BAD_RESPONSE

    def __init__(self, reason: str, *, path: str = "", offset: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.offset = offset

    def __str__(self) -> str:
        where = [f"at byte {self.offset}"] if self.offset is not None else []
        where += [f"in {self.path}"] if self.path else []
        return f"malformed message {' '.join(where)}: {self.reason}" if where else f"malformed message: {self.reason}"


class MessageTooLarge(DecodeError):
    """A message, or what claims to be one, is over ``max_message_size``.

    Args:
        size: The bytes the message has or declares; when nothing declares them, those already waiting.
        limit: The codec's ``max_message_size``.
    """

    def __init__(self, size: int, limit: int, *, path: str = "", offset: int | None = None) -> None:
        super().__init__(f"{size} bytes are over the limit of {limit} (max_message_size)", path=path, offset=offset)
        self.size = size
        self.limit = limit


class EncodeError(CodecError):
    """The protocol cannot say what it was asked to; nothing was written.

    Args:
        reason: What cannot be said and why, as a clause.
        key: The mutation's key or the header field it is about, if it is about one.
    """

    def __init__(self, reason: str, *, key: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.key = key

    def __str__(self) -> str:
        return f"cannot encode {self.key!r}: {self.reason}" if self.key else f"cannot encode the message: {self.reason}"


UNCONTRACTED: tuple[type[BaseException], ...] = (Exception, SystemExit)
"""What is a codec's bug when a codec raises it and it is none of those above. SystemExit too: no codec may end the
program that carries its messages."""


class CodecBug(CodecError):
    """A codec broke its contract. It costs one connection, and the report names the codec.

    Args:
        codec: The codec's name.
        doing: What it was asked for: ``"decode"``, ``"encode"``, ``"on_error"``.
        what: What it did, as a clause: ``"raised KeyError: 'x'"``.
    """

    def __init__(self, codec: str, doing: str, what: str) -> None:
        super().__init__(codec, doing, what)
        self.codec = codec
        self.doing = doing
        self.what = what

    @classmethod
    def from_exception(cls, codec: str, doing: str, cause: BaseException) -> CodecBug:
        """The bug that an exception other than ``DecodeError`` and ``EncodeError`` is."""
        try:
            text = str(cause)
        except UNCONTRACTED:
            text = "its text cannot be made"
        return cls(codec, doing, f"raised {type(cause).__name__}: {text}")

    def __str__(self) -> str:
        return (
            f"bug in codec {self.codec!r}: {self.doing} {self.what}. Please report it to the codec's author; "
            f"`metaproto conformance {self.codec}` may find it"
        )


class CodecNotFound(MetaProtocolError):
    """No codec has that name.

    Args:
        name: The name that was asked for.
        nearest: The registered name it most resembles, or empty.
        known: Every registered name.
    """

    exit_code = 2

    def __init__(self, name: str, *, nearest: str = "", known: Sequence[str] = ()) -> None:
        super().__init__(name)
        self.name = name
        self.nearest = nearest
        self.known = tuple(known)

    def __str__(self) -> str:
        if self.nearest:
            return f"no codec is named {self.name!r}; did you mean {self.nearest!r}?"
        listing = f"registered are {', '.join(self.known)}" if self.known else "none is registered"
        return f"no codec is named {self.name!r}; {listing}. A codec not installed is named as module:Class"


class CodecLoadError(MetaProtocolError):
    """A codec is there and cannot be loaded.

    Args:
        name: The name it was asked for by.
        reason: Why, as a clause.
    """

    exit_code = 2

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"codec {self.name!r} cannot be loaded: {self.reason}"


class FilterLoadError(MetaProtocolError):
    """A filter of the proxy is there and cannot be loaded.

    Args:
        name: The name it was asked for by.
        reason: Why, as a clause.
    """

    exit_code = 2

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason

    def __str__(self) -> str:
        return f"filter {self.name!r} cannot be loaded: {self.reason}"


class ScaffoldError(MetaProtocolError):
    """A project cannot be generated as asked; nothing was written. The text is the sentence."""

    exit_code = 2


class ConformanceError(MetaProtocolError):
    """A conformance run cannot start, or cannot judge: the fault is the target's or the call's, not a law's."""

    exit_code = 2


class DemoError(MetaProtocolError):
    """The demonstration cannot go on: a program did not start, or did not answer. The text is the sentence."""


class Severity(enum.Enum):
    """How grave a :class:`Finding` is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a configuration file says wrongly, or that its reader should know.

    ``line`` and ``column`` count from 1; ``path`` is dotted from the file's root, list items by index.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        return self._joined(self.severity.value)

    @property
    def said(self) -> str:
        """The finding without its severity, for a log whose lines have one."""
        return self._joined("")

    def _joined(self, severity: str) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return ": ".join(part for part in (place, severity, self.path, self.message) if part)


class ConfigError(MetaProtocolError):
    """A configuration that cannot be used.

    Every finding is there at once, one line each; a single one about no file is its sentence alone.
    """

    exit_code = 2

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(*findings)
        self.findings = tuple(findings)

    def __str__(self) -> str:
        if len(self.findings) == 1 and not self.findings[0].file:
            return self.findings[0].message
        return "\n".join(str(finding) for finding in self.findings)


class WorkerError(MetaProtocolError):
    """A process of a proxy of several is gone, or does not do what it should. The text is the sentence."""

    exit_code = 2


class ProxyError(MetaProtocolError):
    """One request cannot be answered by its server; the client gets ``error`` through ``Codec.on_error``."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def error_type(self) -> ErrorType:
        """The type the client is told."""
        return self.error.type
