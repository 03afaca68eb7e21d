from __future__ import annotations

from metaprotocol_sdk.conformance.foreign.fault import FaultKind, ForeignFault


def test_a_fault_says_its_kind_first() -> None:
    fault = ForeignFault(FaultKind.HANG, "it sleeps")
    assert (str(fault), fault.kind, fault.text) == ("hang: it sleeps", FaultKind.HANG, "it sleeps")


def test_no_law_takes_it_for_something_the_codec_raised() -> None:
    assert not issubclass(ForeignFault, Exception)
    assert issubclass(ForeignFault, BaseException)
