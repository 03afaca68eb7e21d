from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.conformance.report.characters import document_text


@given(st.text(st.characters()))
def test_any_text_can_stand_in_a_document(text: str) -> None:
    element = ET.Element("x")
    element.text = document_text(text)
    assert (ET.fromstring(ET.tostring(element)).text or "").replace("\n", "") == document_text(text).replace(
        "\r\n", "\n"
    ).replace("\r", "\n").replace("\n", "")


def test_what_may_not_stand_there_is_shown_as_an_escape() -> None:
    assert document_text("a\0b\x1b\ud800\ufffe\n✗\U0001f642") == "a\\x00b\\x1b\\ud800\\ufffe\n✗\U0001f642"
