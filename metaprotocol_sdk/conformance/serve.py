"""The far side of a codec in Python: ``python -m metaprotocol_sdk.conformance.serve NAME``.

It answers the questions of ``docs/reference/foreign-codecs.md`` on stdin and stdout with what the codec says. A codec
in another language is judged the same way; this one is the example that the suite's own verdicts are compared with.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, BinaryIO

from metaprotocol_sdk.buffer import Buffer
from metaprotocol_sdk.codec import Codec, DecodeStatus
from metaprotocol_sdk.conformance.foreign.wire import HEADER, MAX_FRAME, PROTOCOL, from_frame, to_frame
from metaprotocol_sdk.dump import shown_fields
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import DecodeError, EncodeError, MetaProtocolError
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.registry import find_codec

Values = dict[str, Any]


class FarSideOf:
    """Answers questions with what a codec says.

    Args:
        factory: Makes the codec from ``max_message_size=``; usually its class. A codec that keeps state for each
            connection cannot be asked this way, and is refused.

    Raises:
        ValueError: It is such a codec.
    """

    def __init__(self, factory: Callable[..., Codec]) -> None:
        codec = factory()
        if codec.for_connection() is not codec:
            raise ValueError(
                f"codec {codec.name!r} keeps state for each connection; version {PROTOCOL} has no words for that"
            )
        self._codec: Callable[[int], Codec] = cache(lambda limit: factory(max_message_size=limit))
        self._said = codec
        self._answers: Mapping[str, Callable[[Values], Values]] = {
            "hello": self._hello,
            "decode": self._decode,
            "encode": self._encode,
            "on_error": self._on_error,
            "fields": self._fields,
        }

    def answer(self, question: Values) -> Values:
        """The answer to a question, as JSON values."""
        try:
            return self._answers[question["op"]](question)
        except DecodeError as error:
            return {"error": "decode", "reason": error.reason, "path": error.path, "offset": error.offset}
        except EncodeError as error:
            return {"error": "encode", "reason": error.reason, "key": error.key}
        except Exception as error:
            return {"error": "exception", "reason": f"{type(error).__name__}: {error}"}

    def _hello(self, _: Values) -> Values:
        codec = self._said
        ids = [codec.request_ids[0], codec.request_ids[-1]] if codec.request_ids else None
        return {
            "protocol": PROTOCOL,
            "name": codec.name,
            "request_ids": ids,
            "rewrites": codec.rewrites,
            "also": ["fields"],
        }

    def _decode(self, question: Values) -> Values:
        codec = self._codec(question["max_message_size"])
        data = bytes.fromhex(question["data"])
        buffer, metadata = Buffer(data), Metadata(MessageType[question["side"]], codec=codec.name)
        status = DecodeStatus(codec.decode(buffer, metadata))
        answer: Values = {"status": status.name, "taken": len(data) - len(buffer)}
        if status is DecodeStatus.WAIT_FOR_DATA:
            return answer | {"needed": buffer.needed}
        if status is DecodeStatus.DONE:
            if metadata.origin_message != data[: answer["taken"]]:
                raise ValueError("origin_message is not the bytes that were taken")
            answer["metadata"] = _described(metadata) | {"can_mutate": codec.can_mutate(metadata)}
        return answer

    def _encode(self, question: Values) -> Values:
        codec = self._codec(question["max_message_size"])
        metadata = _again(codec, question["message"], MessageType[question["side"]])
        metadata.request_id = question["request_id"]
        if question["request"] is not None:
            metadata.request = _again(codec, question["request"], MessageType.REQUEST)
        buffer = Buffer()
        codec.encode(metadata, Mutation((key, value) for key, value in question["mutation"]), buffer)
        return {"data": bytes(buffer).hex()}

    def _on_error(self, question: Values) -> Values:
        codec = self._codec(question["max_message_size"])
        metadata = _again(codec, question["request"], MessageType.REQUEST)
        metadata.request_id = question["request_id"]
        buffer = Buffer()
        error = Error(ErrorType[question["error_type"]], question["error_message"], question["flag"])
        codec.on_error(metadata, error, buffer)
        return {"data": bytes(buffer).hex()}

    def _fields(self, question: Values) -> Values:
        data = bytes.fromhex(question["data"])
        return {
            "fields": [
                {"name": field.name, "start": field.start, "end": field.end, "value": value, "problem": field.problem}
                for field, value in shown_fields(self._said, data)
            ]
        }


def _described(metadata: Metadata) -> Values:
    metadata.load()
    return {
        "message_type": metadata.message_type.name,
        "response_status": metadata.response_status.name,
        "request_id": metadata.request_id,
        "stream_id": metadata.stream_id,
        "operation_name": metadata.operation_name,
        "header_size": metadata.header_size,
        "body_size": metadata.body_size,
        "strings": dict(metadata),
    }


def _again(codec: Codec, data: str, side: MessageType) -> Metadata:
    """A message that was decoded before, decoded again: a far side keeps nothing between two questions."""
    buffer, metadata = Buffer(bytes.fromhex(data)), Metadata(side, codec=codec.name)
    while codec.decode(buffer, metadata) is DecodeStatus.SKIPPED:
        metadata = Metadata(side, codec=codec.name)
    return metadata


def serve(factory: Callable[..., Codec], questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the questions end.

    Args:
        factory: As :class:`FarSideOf` takes it.
        questions: Frames come from here.
        answers: And go there.

    Raises:
        BadFrame: What comes is no frame.
    """
    far_side = FarSideOf(factory)
    while len(header := questions.read(HEADER.size)) == HEADER.size:
        (size,) = HEADER.unpack(header)
        if size > MAX_FRAME:
            raise ValueError(f"a question of {size} bytes is over the limit of {MAX_FRAME}")
        answers.write(to_frame(far_side.answer(from_frame(header + questions.read(size)))))
        answers.flush()


def main(arguments: list[str]) -> int:
    """The program: one argument, the codec's name or ``module:Class``.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m metaprotocol_sdk.conformance.serve NAME, or module:Class\n")
        return 2
    answers = sys.stdout.buffer
    sys.stdout = sys.stderr  # what a codec prints is no answer
    sys.path[:0] = [] if os.getcwd() in sys.path else [os.getcwd()]
    try:
        serve(find_codec(arguments[0]), sys.stdin.buffer, answers)
    except (MetaProtocolError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
