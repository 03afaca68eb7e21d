from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from metaprotocol_sdk import conformance


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in conformance.__all__:
        found = getattr(conformance, name)
        assert name == "CHECKS" or found.__doc__
    assert set(conformance.__all__) <= set(dir(conformance))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = conformance.nothing


def test_saying_what_a_codecs_messages_are_loads_no_hypothesis() -> None:
    program = "import sys; from metaprotocol_sdk.conformance import CHECKS, Case, Sample, Subject; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "hypothesis" not in loaded


def test_no_exported_name_is_a_module_s_too() -> None:
    # A module that was imported first would stand where the name should.
    modules = {each.name for each in pkgutil.iter_modules(conformance.__path__)}
    assert modules.isdisjoint(conformance.__all__)
