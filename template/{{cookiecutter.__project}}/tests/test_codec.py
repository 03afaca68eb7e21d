{% set headers = cookiecutter.headers == "yes" %}
{% set text = cookiecutter.framing == "text" %}
{% set op = cookiecutter.__operation %}
"""Messages as they are on the wire, byte for byte."""

{% if headers %}
from metaprotocol_sdk import Buffer, Decoder, Error, ErrorType, MessageType, Metadata, Mutation, ResponseStatus
{% else %}
import pytest
from metaprotocol_sdk import (
    Buffer,
    Decoder,
    EncodeError,
    Error,
    ErrorType,
    MessageType,
    Metadata,
    Mutation,
    ResponseStatus,
)
{% endif %}

from {{ cookiecutter.__package }}.codec import {{ cookiecutter.__title }}Codec

CODEC = {{ cookiecutter.__title }}Codec()

{% if text %}
REQUEST = (
    b"call "  # kind
    b"7 "  # id
    b"greet "  # method
{% if headers %}
    b"stage=test "  # headers
{% endif %}
    b"hello"  # body
    b"\n"
)
NO_ROUTE = b"route_not_found 7 greet {{ "- " if headers }}no route\n"
{% else %}
REQUEST = bytes.fromhex(
{% if cookiecutter.framing == "varint" %}
    "{{ "1c" if headers else "0d" }}"  # length: bytes that follow
{% endif %}
    "01"  # version
    "00"  # status
    "0002"  # command
    "00000007"  # request_id
{% if headers %}
    "000d"  # head_len
{% endif %}
{% if cookiecutter.framing == "length" %}
    "00000005"  # body_len
{% endif %}
{% if headers %}
    "0005"  # headers: key
    "7374616765"  # stage
    "0004"  # headers: value
    "74657374"  # test
{% endif %}
    "68656c6c6f"  # body: hello
)
NO_ROUTE = bytes.fromhex(
{% if cookiecutter.framing == "varint" %}
    "{{ "12" if headers else "10" }}"  # length: bytes that follow
{% endif %}
    "01"  # version
    "01"  # status: no route
    "0002"  # command
    "00000007"  # request_id
{% if headers %}
    "0000"  # head_len: a request's headers are not sent back
{% endif %}
{% if cookiecutter.framing == "length" %}
    "00000008"  # body_len
{% endif %}
    "6e6f20726f757465"  # body: no route
)
{% endif %}


def decoded(data: bytes, side: MessageType = MessageType.REQUEST) -> Metadata:
    decoder = Decoder(CODEC, side)
    decoder.receive_data(data)
    message = decoder.next_message()
    assert message is not None
    assert decoder.next_message() is None
    return message


def mutated(data: bytes, mutation: Mutation) -> Metadata:
    buffer = Buffer()
    CODEC.encode(decoded(data), mutation, buffer)
    return decoded(bytes(buffer))


def test_a_request_is_described() -> None:
    request = decoded(REQUEST)
    assert request.request_id == 7
    assert request.operation_name == "{{ "greet" if text else "command/2" }}"
    assert dict(request) == {"{{ op }}": "{{ cookiecutter.__canary }}"{{ ', "stage": "test"' if headers }}}
    assert CODEC.body(request) == b"hello"


def test_a_failure_is_told_to_the_client() -> None:
    buffer = Buffer()
    CODEC.on_error(decoded(REQUEST), Error(ErrorType.ROUTE_NOT_FOUND, "no route"), buffer)
    assert bytes(buffer) == NO_ROUTE
    assert decoded(NO_ROUTE, MessageType.RESPONSE).response_status is ResponseStatus.ERROR


def test_failures_can_be_told_apart() -> None:
    replies = set()
    for error in ErrorType:
        buffer = Buffer()
        CODEC.on_error(decoded(REQUEST), Error(error, "failed"), buffer)
        replies.add(bytes(buffer))
    assert len(replies) == len(ErrorType)


{% set other = "bye" if text else "3" %}
def test_a_route_can_change_the_{{ op }}() -> None:
    changed = mutated(REQUEST, Mutation({{ op }}="{{ other }}"))
    assert dict(changed) == {"{{ op }}": "{{ other }}"{{ ', "stage": "test"' if headers }}}
    assert CODEC.body(changed) == b"hello"


{% if headers %}
def test_a_route_can_set_and_remove_headers() -> None:
    changed = mutated(REQUEST, Mutation({"stage": None, "user": "ann"}))
    assert dict(changed) == {"{{ op }}": "{{ cookiecutter.__canary }}", "user": "ann"}
    assert CODEC.body(changed) == b"hello"
{% else %}
def test_what_the_message_cannot_carry_is_refused() -> None:
    with pytest.raises(EncodeError):
        mutated(REQUEST, Mutation(user="ann"))
{% endif %}
