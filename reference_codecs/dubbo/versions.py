"""What a client's Dubbo version says of it."""

from __future__ import annotations

import re

_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?")
_OLDEST, _NEWEST = (2, 0, 2), (2, 0, 99)


def reads_attachments(version: str | None) -> bool:
    """Whether a client of that version reads attachments in a reply.

    Dubbo asks for 2.0.2 to 2.0.99 (``Version.isSupportResponseAttachment``): the protocol's version, which clients say
    since then; before, they said their release's, as 2.5.3. Greater ones are other implementations', which read them.
    """
    found = _VERSION.match(version or "")
    if found is None:
        return False
    parts = tuple(int(part or 0) for part in found.groups())
    return _OLDEST <= parts <= _NEWEST or parts[0] > 2
