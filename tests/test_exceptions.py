"""Every exception and its sentence, in one table."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from metaprotocol_sdk import exceptions
from metaprotocol_sdk.errors import Error, ErrorType
from metaprotocol_sdk.exceptions import (
    CodecBug,
    CodecError,
    CodecLoadError,
    CodecNotFound,
    ConfigError,
    ConformanceError,
    DecodeError,
    DemoError,
    EncodeError,
    FilterLoadError,
    Finding,
    MessageTooLarge,
    MetaProtocolError,
    ProxyError,
    ScaffoldError,
    Severity,
    WorkerError,
)

SENTENCES: list[tuple[MetaProtocolError, str]] = [
    (MetaProtocolError("something to mend"), "something to mend"),
    (CodecError("this codec cannot"), "this codec cannot"),
    (DecodeError("the magic is 0xbeef"), "malformed message: the magic is 0xbeef"),
    (DecodeError("the magic is 0xbeef", offset=0), "malformed message at byte 0: the magic is 0xbeef"),
    (DecodeError("no UTF-8", path="headers[2].key"), "malformed message in headers[2].key: no UTF-8"),
    (DecodeError("no UTF-8", path="key", offset=9), "malformed message at byte 9 in key: no UTF-8"),
    (MessageTooLarge(70, 64), "malformed message: 70 bytes are over the limit of 64 (max_message_size)"),
    (
        MessageTooLarge(70, 64, path="length", offset=4),
        "malformed message at byte 4 in length: 70 bytes are over the limit of 64 (max_message_size)",
    ),
    (EncodeError("it carries no headers"), "cannot encode the message: it carries no headers"),
    (EncodeError("it carries no headers", key="user"), "cannot encode 'user': it carries no headers"),
    (
        CodecBug("tiny", "decode", "raised KeyError: 'x'"),
        (
            "bug in codec 'tiny': decode raised KeyError: 'x'. Please report it to the codec's author; "
            "`metaproto conformance tiny` may find it"
        ),
    ),
    (CodecNotFound("dubo", nearest="dubbo"), "no codec is named 'dubo'; did you mean 'dubbo'?"),
    (
        CodecNotFound("x", known=["dubbo", "thrift"]),
        "no codec is named 'x'; registered are dubbo, thrift. A codec not installed is named as module:Class",
    ),
    (CodecNotFound("x"), "no codec is named 'x'; none is registered. A codec not installed is named as module:Class"),
    (CodecLoadError("tiny", "it lacks decode"), "codec 'tiny' cannot be loaded: it lacks decode"),
    (
        FilterLoadError("my.audit", "importing audit:AUDIT fails"),
        "filter 'my.audit' cannot be loaded: importing audit:AUDIT fails",
    ),
    (ScaffoldError("'1x' is no name"), "'1x' is no name"),
    (DemoError("server v1 did not start"), "server v1 did not start"),
    (ConformanceError("there is no subject in x"), "there is no subject in x"),
    (WorkerError("worker 1 is gone"), "worker 1 is gone"),
    (
        ConfigError(
            [
                Finding(message="unknown key", file="p.yaml", line=3, column=5, path="node.idd"),
                Finding(message="not there yet", file="p.yaml", severity=Severity.NOTE),
            ]
        ),
        "p.yaml:3:5: error: node.idd: unknown key\np.yaml: note: not there yet",
    ),
    (ProxyError(Error(ErrorType.OVER_LIMIT, "slow\ndown")), "slow down"),
]

CLASSES: list[type[MetaProtocolError]] = [
    each
    for each in vars(exceptions).values()
    if inspect.isclass(each) and issubclass(each, MetaProtocolError) and each.__module__ == exceptions.__name__
]


@pytest.mark.parametrize(("error", "sentence"), SENTENCES, ids=lambda value: type(value).__name__)
def test_str_is_the_sentence(error: MetaProtocolError, sentence: str) -> None:
    assert str(error) == sentence


def test_the_table_holds_every_class() -> None:
    assert {type(error) for error, _ in SENTENCES} == set(CLASSES)


def test_the_tree_the_module_opens_with_is_the_one_it_has() -> None:
    drawn = re.findall(r"^( *)\* :class:`(\w+)`", exceptions.__doc__ or "", re.MULTILINE)
    parents: list[str] = []
    for indent, name in drawn:
        depth = len(indent) // 2
        parents[depth:] = [name]
        assert getattr(exceptions, name).__base__.__name__ == (parents[depth - 1] if depth else "Exception")
    assert {name for _, name in drawn} == {each.__name__ for each in CLASSES}


@pytest.mark.parametrize(
    ("kind", "error_type"),
    [
        (CodecError, ErrorType.UNSPECIFIED),
        (DecodeError, ErrorType.BAD_RESPONSE),
        (MessageTooLarge, ErrorType.BAD_RESPONSE),
        (EncodeError, ErrorType.UNSPECIFIED),
        (CodecBug, ErrorType.UNSPECIFIED),
    ],
)
def test_an_exception_carries_the_type_its_request_is_answered_with(
    kind: type[CodecError], error_type: ErrorType
) -> None:
    assert kind.error_type is error_type


def test_a_proxy_error_carries_the_type_of_its_error() -> None:
    assert ProxyError(Error(ErrorType.ROUTE_NOT_FOUND, "")).error_type is ErrorType.ROUTE_NOT_FOUND


def test_exit_codes_tell_usage_and_configuration_from_findings() -> None:
    usage = {CodecNotFound, CodecLoadError, FilterLoadError, ScaffoldError, ConformanceError, ConfigError, WorkerError}
    assert {kind.__name__: kind.exit_code for kind in CLASSES} == {
        kind.__name__: 2 if kind in usage else 1 for kind in CLASSES
    }


def test_a_codec_bug_names_what_was_raised() -> None:
    bug = CodecBug.from_exception("tiny", "encode", KeyError("id"))
    assert (bug.codec, bug.doing, bug.what) == ("tiny", "encode", "raised KeyError: 'id'")


def test_exceptions_hold_fields() -> None:
    large = MessageTooLarge(70, 64, path="length", offset=4)
    assert (large.size, large.limit, large.path, large.offset) == (70, 64, "length", 4)
    assert EncodeError("no", key="k").key == "k"
    missing = CodecNotFound("x", nearest="y", known=["y"])
    assert (missing.name, missing.nearest, missing.known) == ("x", "y", ("y",))
    assert len(ConfigError([Finding(message="a"), Finding(message="b")]).findings) == 2


@pytest.mark.parametrize("error", [error for error, _ in SENTENCES], ids=lambda error: type(error).__name__)
def test_an_exception_survives_pickling(error: MetaProtocolError) -> None:
    # multiprocessing and concurrent.futures send them between processes.
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.args) == (str(error), error.args)
    assert vars(again).keys() == vars(error).keys()
