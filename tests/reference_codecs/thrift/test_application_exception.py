"""Error replies: Thrift's type for every error, held to what Envoy answers."""

from __future__ import annotations

from metaprotocol_sdk import ErrorType
from reference_codecs.thrift.application_exception import CODES, ApplicationErrorType


def test_every_error_has_a_type() -> None:
    assert set(CODES) == set(ErrorType)


def test_no_route_is_an_unknown_method_and_most_of_the_rest_internal_errors() -> None:
    assert CODES[ErrorType.ROUTE_NOT_FOUND] is ApplicationErrorType.UNKNOWN_METHOD
    assert CODES[ErrorType.BAD_RESPONSE] is ApplicationErrorType.PROTOCOL_ERROR
    others = set(ErrorType) - {ErrorType.ROUTE_NOT_FOUND, ErrorType.BAD_RESPONSE}
    assert {CODES[each] for each in others} == {ApplicationErrorType.INTERNAL_ERROR}
    assert [int(each) for each in ApplicationErrorType] == [1, 6, 7]
