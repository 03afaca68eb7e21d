"""What pytest loads in every run of every project this SDK is installed for: an option and a marker, and no more.

It is found by the entry point ``metaprotocol_conformance`` of the group ``pytest11``. The tests themselves are
:class:`metaprotocol_sdk.conformance.CodecConformance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_OPTION = "--conformance-profile"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that says how many cases each law is tried on."""
    group = parser.getgroup("conformance", "the laws of metaprotocol-sdk's codecs")
    group.addoption(
        _OPTION,
        choices=("quick", "default", "thorough"),
        default="quick",
        help="How many cases each law of a CodecConformance is tried on. Default: quick, for an ordinary test run.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Names the marker, so that ``-m conformance`` selects the laws."""
    config.addinivalue_line("markers", "conformance: holds a codec to a law (metaprotocol-sdk)")


def profile_of(config: pytest.Config) -> str:
    """The profile that a run was asked for."""
    return str(config.getoption(_OPTION, "quick"))
