from __future__ import annotations

import pytest

from reference_codecs.dubbo.frame import (
    FLAGS_AT,
    HEADER,
    HEADER_SIZE,
    ID_AT,
    LENGTH_AT,
    MAGIC_BYTES,
    RESPONSE_TYPES,
    STATUS_AT,
    STATUS_NAMES,
    has_attachments,
)
from tests.reference_codecs.dubbo.helpers import vectors


def test_the_header_is_sixteen_bytes_whose_parts_are_where_they_are_said() -> None:
    data = HEADER.pack(0xDABB, 0xC2, 20, 0x0102030405060708, 9)
    assert len(data) == HEADER_SIZE == 16
    assert data[:FLAGS_AT] == MAGIC_BYTES
    assert (data[FLAGS_AT], data[STATUS_AT]) == (0xC2, 20)
    assert data[ID_AT:LENGTH_AT] == bytes(range(1, 9))
    assert data[LENGTH_AT:] == b"\0\0\0\x09"


def test_the_last_three_response_types_have_attachments() -> None:
    assert [has_attachments(each) for each in range(6)] == [False] * 3 + [True] * 3
    assert RESPONSE_TYPES == ("exception", "value", "null", "exception", "value", "null")


def test_statuses_are_named_as_dubbo_names_them() -> None:
    assert STATUS_NAMES[20] == "OK"
    assert STATUS_NAMES[100] == "SERVER_THREADPOOL_EXHAUSTED_ERROR"
    assert sorted(STATUS_NAMES) == [20, 25, 30, 31, 35, 40, 50, 60, 70, 80, 90, 100]


@pytest.mark.skipif(not vectors("dubbo.jsonl"), reason="what Dubbo for Java writes is not beside the checkout")
def test_javas_headers_are_read_as_it_wrote_them() -> None:
    for row in vectors("dubbo.jsonl"):
        _, flags, status, request_id, length = HEADER.unpack_from(bytes.fromhex(row["hex"]))
        said = row["header"]
        assert (flags, status, length) == (said["flag"], said["status"], said["body_length"])
        assert request_id == said["request_id"] % (1 << 64)
