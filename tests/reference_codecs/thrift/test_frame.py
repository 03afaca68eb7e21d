"""The layouts, held to the sizes and numbers of Thrift's specifications and of Apache's own library."""

from __future__ import annotations

import pytest

from reference_codecs.thrift.frame import FRAME, FRAMED_BINARY, HEADER, HEADER_MAGIC, VERSION_1, Kind, Transport, Type
from tests.reference_codecs.thrift.helpers import ADD, ADD_HEADED


def test_the_layouts_have_the_sizes_of_the_specification() -> None:
    assert (FRAME.size, FRAMED_BINARY.size, HEADER.size) == (4, 12, 14)
    assert FRAMED_BINARY.unpack_from(ADD) == (len(ADD) - 4, VERSION_1, Kind.CALL, 3)
    assert HEADER.unpack_from(ADD_HEADED) == (len(ADD_HEADED) - 4, HEADER_MAGIC, 0, 7, 4)


def test_the_numbers_are_apaches() -> None:
    thrift = pytest.importorskip("thrift.Thrift")
    for kind in Kind:
        assert getattr(thrift.TMessageType, kind.name) == kind
    for each in Type:
        if each is not Type.UUID:
            assert getattr(thrift.TType, each.name) == each


def test_a_transport_is_written_as_a_configuration_says_it() -> None:
    assert [str(each) for each in Transport] == ["framed", "unframed", "header"]
