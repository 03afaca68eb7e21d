"""The codec: what a message means, and how a client is told of a failure."""

from typing import Any

{% if cookiecutter.framing == "text" %}
from metaprotocol_sdk import Buffer, Error, FramedCodec, Metadata, ResponseStatus

from .frame import FRAME


class {{ cookiecutter.__title }}Codec(FramedCodec):
    """{{ cookiecutter.description.rstrip('.') }}."""

    name = "{{ cookiecutter.__package }}"
    frame = FRAME

    def describe(self, header: Any, metadata: Metadata) -> None:
        """A method names the operation; a message that is neither a call nor its success is a failure."""
        metadata.operation_name = header.method
        if header.kind not in ("call", "ok"):
            metadata.response_status = ResponseStatus.ERROR

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """Answers with the error's name as the kind and its message as the body."""
        kind = error.type.name.lower()
        buffer.append(self.frame.reply(metadata, error.message.encode(), kind=kind))
{% else %}
from metaprotocol_sdk import Buffer, Error, ErrorType, FramedCodec, Metadata, ResponseStatus

from .frame import FRAME

STATUS = {
    ErrorType.ROUTE_NOT_FOUND: 1,
    ErrorType.CLUSTER_NOT_FOUND: 2,
    ErrorType.NO_HEALTHY_UPSTREAM: 3,
    ErrorType.BAD_RESPONSE: 4,
    ErrorType.UNSPECIFIED: 5,
    ErrorType.OVER_LIMIT: 6,
}
"""``status`` of an error reply: one for each type, so that a client can tell them apart. 0 is success."""


class {{ cookiecutter.__title }}Codec(FramedCodec):
    """{{ cookiecutter.description.rstrip('.') }}."""

    name = "{{ cookiecutter.__package }}"
    frame = FRAME

    def describe(self, header: Any, metadata: Metadata) -> None:
        """A command names the operation, and any status but 0 is a failure."""
        metadata.operation_name = f"command/{header.command}"
        if header.status:
            metadata.response_status = ResponseStatus.ERROR

    def on_error(self, metadata: Metadata, error: Error, buffer: Buffer) -> None:
        """Answers with the error's status and its message as the body."""
        buffer.append(self.frame.reply(metadata, error.message.encode(), status=STATUS[error.type]))
{% endif %}
