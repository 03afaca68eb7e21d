"""Which characters a document may hold."""

from __future__ import annotations

import re

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no Char of XML 1.0, section 2.2: control characters, surrogates and two non-characters."""


def document_text(text: str) -> str:
    """``text`` with the characters that neither XML nor HTML may hold as backslash escapes."""
    return _NOT_XML.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
