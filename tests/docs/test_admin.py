"""The page about the admin interface lists what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from metaprotocol_sdk.proxy.admin.commands import COMMANDS
from metaprotocol_sdk.proxy.admin.operated import State
from metaprotocol_sdk.proxy.admin.tags import CLUSTER_NAME, PREFIX, PROTOCOL
from metaprotocol_sdk.proxy.cluster.health import HealthFlag
from metaprotocol_sdk.proxy.net.admin import MAX_BODY, MAX_CONNECTIONS, MAX_HEAD, TIMEOUT

PAGE = (Path(__file__).parents[2] / "docs/reference/admin.md").read_text()


def table(name: str) -> list[str]:
    found = re.search(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1].splitlines()[2:]


def test_every_command_is_listed_and_no_other() -> None:
    rows = [f"| `{each.path}` | {'POST' if each.is_change else 'GET'} | {each.meaning} |" for each in COMMANDS]
    assert table("commands")[2:] == rows


def test_every_parameter_is_listed_and_no_other() -> None:
    rows = []
    for command in COMMANDS:
        for each in command.parameters:
            words = f": {', '.join(f'`{word}`' for word in each.words)}" if each.words else ""
            rows.append(f"| `{command.path}` | `{each.name}` | {each.meaning}{words} |")
    assert table("parameters") == rows


def test_states_flags_labels_and_bounds_are_the_codes() -> None:
    for state in State:
        assert f"| `{state.name}` | {200 if state is State.LIVE else 503} | {int(state)} |" in PAGE
    for flag in HealthFlag:
        assert f"`/{str(flag.name).lower()}`" in PAGE
    for label in (CLUSTER_NAME, PROTOCOL, PREFIX):
        assert f"`{label}`" in PAGE
    assert MAX_HEAD == MAX_BODY == 16 * 1024
    assert f"16 KiB of head and of body, {MAX_CONNECTIONS} connections, {TIMEOUT:g} seconds" in PAGE
