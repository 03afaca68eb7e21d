"""One rule for every name of a protocol.

``My Protocol`` gives: project ``my-protocol``; Python package and codec ``my_protocol``; codec id
``aeraki.meta_protocol.codec.my_protocol``; ``spec.protocol`` of an ApplicationProtocol and the third segment of a
Service port's name ``myprotocol``, because Aeraki splits ``tcp-metaprotocol-X-...`` at dashes.
"""

from __future__ import annotations

import builtins
import difflib
import keyword
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

CODEC_PREFIX = "aeraki.meta_protocol.codec."
"""What Envoy configuration puts before a codec's name (extension category ``aeraki.meta_protocol.codec``)."""

PORT_PREFIX = "tcp-metaprotocol-"
"""What Aeraki wants a Service port's name to begin with."""

MAX_PORT_NAME = 63
"""Bytes a Service port's name may have: it is a DNS label (RFC 1123)."""

_OCCUPIED = frozenset(
    [
        "click",
        "construct",
        "cookiecutter",
        "hypothesis",
        "metaprotocol_sdk",
        "packaging",
        "pydantic",
        "pytest",
        "re2",
        "reference_codecs",
        "rich",
        "test",
        "tests",
        "uvloop",
        "yaml",
    ]
)
"""Modules a new project imports, directly or not, beside those of the standard library."""

_GOOD = re.compile(r"[a-z][a-z0-9]*(?:[-_ ][a-z0-9]+)*")


def fold(name: str) -> str:
    """What a name compares by: lower-case, without ``-`` and ``_``."""
    return name.lower().replace("-", "").replace("_", "")


def short_name(name: str) -> str:
    """A codec's name without the prefix that Envoy configuration puts before it."""
    return name.removeprefix(CODEC_PREFIX)


def nearest(name: str, known: Iterable[str]) -> str:
    """The name in ``known`` that ``name`` most resembles, or empty when none does."""
    by_fold = {fold(each): each for each in known}
    close = difflib.get_close_matches(fold(name), by_fold, n=1, cutoff=0.6)
    return by_fold[close[0]] if close else ""


def objection(name: str, *, taken: Iterable[str] = ()) -> str:
    """Why ``name`` is no good for a new protocol, as a sentence that says which names are; empty: it is good.

    Args:
        name: What a person typed.
        taken: Names of codecs that exist.
    """
    folded = name.strip().lower()
    if not _GOOD.fullmatch(folded):
        return (
            f"{name!r} is no name for a protocol: it takes letters a-z and digits, words joined by single dashes, and "
            "starts with a letter, like my-protocol"
        )
    package = re.sub("[- ]", "_", folded)
    other = package.replace("_", "-") + "-rpc"
    if keyword.iskeyword(package) or keyword.issoftkeyword(package) or hasattr(builtins, package):
        return f"{name!r} is a word of Python, so no package can have it; try {other}"
    if package in sys.stdlib_module_names or package in _OCCUPIED:
        return f"{name!r} is a module that exists already, which the new package would hide; try {other}"
    if fold(package) in {fold(short_name(each)) for each in taken}:
        return f"a codec named {name!r} is registered already; choose another name, or uninstall that one"
    if len(PORT_PREFIX) + len(fold(package)) > MAX_PORT_NAME:
        most = MAX_PORT_NAME - len(PORT_PREFIX)
        return f"{name!r} is too long: a Kubernetes port name holds it, so it has at most {most} letters and digits"
    return ""


@dataclass(frozen=True, slots=True)
class ProtocolNames:
    """Every name of one protocol."""

    project: str
    """Folder and distribution: ``my-protocol``."""
    package: str
    """Python package and codec: ``my_protocol``."""
    wire: str
    """ApplicationProtocol's ``spec.protocol`` and the port name's third segment: ``myprotocol``."""
    title: str
    """Class names start with it: ``MyProtocol``."""

    @classmethod
    def from_name(cls, name: str) -> ProtocolNames:
        """The names of the protocol a person calls ``name``.

        Raises:
            ValueError: :func:`objection` has something against the name.
        """
        if problem := objection(name):
            raise ValueError(problem)
        words = re.split("[-_ ]", name.strip().lower())
        return cls(
            project="-".join(words),
            package="_".join(words),
            wire="".join(words),
            title="".join(map(str.capitalize, words)),
        )

    @property
    def codec_id(self) -> str:
        """The codec's full name in Envoy configuration."""
        return CODEC_PREFIX + self.package

    @property
    def port_name(self) -> str:
        """The name of a Service's port that speaks it."""
        return PORT_PREFIX + self.wire
