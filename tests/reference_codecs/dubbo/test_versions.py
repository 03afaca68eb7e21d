from __future__ import annotations

import pytest

from reference_codecs.dubbo.versions import reads_attachments


@pytest.mark.parametrize("version", ["2.0.2", "2.0.3", "2.0.99", "3.0.1", "5.3.0", "2.0.2-stable"])
def test_clients_that_read_attachments_in_replies(version: str) -> None:
    assert reads_attachments(version)


@pytest.mark.parametrize("version", ["2.0.1", "2.0.0", "1.0.0", "2.1.0", "2.5.3", "2.6.6-stable", "2", "", "x", None])
def test_clients_that_do_not(version: str | None) -> None:
    assert not reads_attachments(version)
