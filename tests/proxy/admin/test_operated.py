from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from metaprotocol_sdk.proxy.admin.operated import State
from tests.proxy.admin.fakes import FakeOperated


def test_states_have_envoys_numbers() -> None:
    assert [each.name for each in sorted(State)] == ["LIVE", "DRAINING", "PRE_INITIALIZING", "INITIALIZING"]


def test_every_answer_is_plain_so_that_a_process_can_send_it_to_another() -> None:
    async def answers() -> list[dict[str, Any]]:
        asked = FakeOperated()
        found: list[Any] = [*await asked.clusters(), *await asked.listeners(), *(await asked.histograms()).values()]
        return [asdict(each) for each in found]

    for each in asyncio.run(answers()):
        assert json.loads(json.dumps(each)).keys() == each.keys()
