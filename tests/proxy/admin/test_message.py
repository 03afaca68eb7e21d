from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaprotocol_sdk.proxy.admin.message import JSON, Request, Response

FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def test_a_query_is_its_parameters_and_the_first_of_a_name_counts() -> None:
    request = Request.from_wire("GET", "/stats?usedonly&filter=a%2Bb+c&filter=d?e", {}, b"ignored=1")
    assert (request.path, request.query) == ("/stats", {"usedonly": "", "filter": "a+b c"})


def test_a_form_that_is_posted_says_what_a_query_says() -> None:
    assert Request.from_wire("POST", "/logging", FORM, b"level=debug").query == {"level": "debug"}
    assert Request.from_wire("POST", "/logging?level=info", FORM, b"level=debug").query == {"level": "info"}


def test_a_path_stays_as_it_was_sent() -> None:
    assert Request.from_wire("GET", "/%72eady", {}, b"").path == "/%72eady"
    assert Request.from_wire("GET", "//evil/../ready?", {}, b"").path == "//evil/../ready"


def test_more_parameters_than_anybody_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="Max number of fields exceeded"):
        Request.from_wire("GET", "/stats?" + "&".join(["a=1"] * 101), {}, b"")


@given(st.text(), st.binary())
def test_nothing_that_is_sent_is_another_error(target: str, body: bytes) -> None:
    Request.from_wire("POST", target, FORM, body)


def test_json_is_indented_and_says_that_it_is_json() -> None:
    response = Response.from_json({"a": ["ü"]})
    assert (response.body, response.content_type, response.status) == ('{\n "a": [\n  "ü"\n ]\n}\n', JSON, 200)
