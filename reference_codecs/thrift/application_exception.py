"""TApplicationException: how Thrift tells a client of a failure that its IDL does not declare."""

from __future__ import annotations

import enum

from metaprotocol_sdk import ErrorType


class ApplicationErrorType(enum.IntEnum):
    """Thrift's ``TApplicationException`` types that this codec writes."""

    UNKNOWN_METHOD = 1
    INTERNAL_ERROR = 6
    PROTOCOL_ERROR = 7


CODES = {
    ErrorType.ROUTE_NOT_FOUND: ApplicationErrorType.UNKNOWN_METHOD,
    ErrorType.CLUSTER_NOT_FOUND: ApplicationErrorType.INTERNAL_ERROR,
    ErrorType.NO_HEALTHY_UPSTREAM: ApplicationErrorType.INTERNAL_ERROR,
    ErrorType.BAD_RESPONSE: ApplicationErrorType.PROTOCOL_ERROR,
    ErrorType.UNSPECIFIED: ApplicationErrorType.INTERNAL_ERROR,
    ErrorType.OVER_LIMIT: ApplicationErrorType.INTERNAL_ERROR,
}
"""The ``type`` of an error reply, as Envoy's thrift_proxy answers; a server's reply that cannot be read is an error of
the protocol. Which of the others it is, the message says: Thrift has no types for them.
"""
