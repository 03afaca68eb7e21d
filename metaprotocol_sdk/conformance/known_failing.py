"""The list of laws a codec is known to break, which a project keeps beside its code.

::

    # One law a line; what follows a # is why.
    mutation_is_reversible   # our server sorts headers

A law that is listed may fail. One that is listed and holds fails the run, so that the list says what is true.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from metaprotocol_sdk.exceptions import ConformanceError
from metaprotocol_sdk.names import nearest


def load_known_failing(path: Path, names: Collection[str]) -> dict[str, str]:
    """The names a file lists, each with its reason, which may be empty.

    Args:
        path: The file.
        names: Everything that may be listed.

    Raises:
        ConformanceError: The file cannot be read, or lists what is not in ``names``, or something twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConformanceError(
            f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}"
        ) from error
    listed: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, _, reason = (part.strip() for part in line.partition("#"))
        if not name:
            continue
        if name not in names:
            guess = nearest(name, names)
            advice = f"did you mean {guess!r}?" if guess else "write one name a line, and the reason after a #"
            raise ConformanceError(f"{path}:{number}: no law is named {name!r}; {advice}")
        if name in listed:
            raise ConformanceError(f"{path}:{number}: {name} is listed twice")
        listed[name] = reason
    return listed
