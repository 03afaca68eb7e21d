"""The codec of awesomerpc."""

from typing import Any

from metaprotocol_sdk import Buffer, Error, ErrorType, FramedCodec, Metadata, ResponseStatus
from reference_codecs.awesomerpc.frame import AWESOMERPC

CODES = {
    ErrorType.ROUTE_NOT_FOUND: 1,
    ErrorType.CLUSTER_NOT_FOUND: 2,
    ErrorType.NO_HEALTHY_UPSTREAM: 3,
    ErrorType.BAD_RESPONSE: 4,
    ErrorType.UNSPECIFIED: 5,
    ErrorType.OVER_LIMIT: 6,
}
"""``rsp_code`` of an error reply: one for each type, so that a client can tell them apart. 0 is success."""


class AwesomerpcCodec(FramedCodec):
    """awesomerpc: a number for a command, a number for an outcome, and a body."""

    name = "awesomerpc"
    frame = AWESOMERPC

    def describe(self, header: Any, metadata: Metadata) -> None:
        """A command names the operation, and any code but 0 is a failure."""
        metadata.operation_name = f"cmd/{header.req_cmd}"
        if header.rsp_code:
            metadata.response_status = ResponseStatus.ERROR

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """Answers with the error's code and its message as the body."""
        buffer.append(self.frame.reply(metadata, error.message.encode(), rsp_code=CODES[error.type]))
