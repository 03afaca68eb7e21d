"""What travels: the error a proxy answers a request with.

``exceptions.py`` is what Python raises; the two never mix. An exception carries the
:class:`ErrorType` it is answered with, so no table translates one into the other.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

MAX_MESSAGE_LENGTH = 1024
"""Characters an :class:`Error` message keeps: at most 4 kB of UTF-8, so it fits a u16 length."""

# Controls (C0, DEL, C1) and the two Unicode line ends: each could break a text protocol's frame.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class ErrorType(enum.IntEnum):
    """Why a request failed; the numbers are MetaProtocol Proxy's ``ErrorType``."""

    ROUTE_NOT_FOUND = 0
    """No route matches the request."""
    CLUSTER_NOT_FOUND = 1
    """The route names a cluster that the configuration does not define."""
    NO_HEALTHY_UPSTREAM = 2
    """The cluster has no endpoint that may take the request."""
    BAD_RESPONSE = 3
    """The server's reply could not be decoded."""
    UNSPECIFIED = 4
    """Anything else: connect failures, resets, timeouts, overflow."""
    OVER_LIMIT = 5
    """A rate limit refused the request."""


@dataclass(frozen=True, slots=True)
class Error:
    """One failed request, as :meth:`Codec.on_error` gets to tell it.

    Args:
        type: What went wrong.
        message: A sentence for the client. It is made valid Unicode, one line and at most
            :data:`MAX_MESSAGE_LENGTH` characters, so that no codec can be broken, or injected into, by it.
        flag: Envoy's response flag (``%RESPONSE_FLAGS%``): ``UT`` timeout, ``UF`` connect failure, ``UO``
            overflow, ``UC`` reset, ``NR`` no route, ``UH`` no healthy host, ``RL`` rate limited, ``FI`` a fault on
            purpose, ``UAEX`` refused by the rules of access; empty: none.
    """

    type: ErrorType
    message: str
    flag: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "type", ErrorType(self.type))
        object.__setattr__(self, "message", one_line(self.message))


def one_line(text: str) -> str:
    """``text`` as valid Unicode on one line of at most :data:`MAX_MESSAGE_LENGTH` characters.

    A run of control characters becomes one space, a lone surrogate U+FFFD; a cut text ends in an ellipsis.
    """
    # Cut before cleaning, or 1 GB of text would be cleaned to keep 1 kB of it.
    cut = len(text) > MAX_MESSAGE_LENGTH
    text = _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text[:MAX_MESSAGE_LENGTH]))
    return text[: MAX_MESSAGE_LENGTH - 1] + "…" if cut else text
