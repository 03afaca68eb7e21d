"""Lazy commands and the options every command takes."""

from __future__ import annotations

import sys
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from metaprotocol_sdk.cli.group import LazyGroup
from metaprotocol_sdk.cli.output import note, settings


@click.command()
@click.option("-q", "--query", default="none")
def asking(query: str) -> None:
    click.echo(f"query={query} verbosity={settings().verbosity}")
    click.secho("data", fg="red")
    note("a note")
    note("a detail", verbosity=1)


@click.command()
def plain() -> None:
    asking.callback and asking.callback(query="none")


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    for command in (asking, plain):
        module = ModuleType(f"zz_{command.name}")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    table = {"asking": ("zz_asking", "Asks."), "plain": ("zz_plain", "Is plain."), "gone": ("zz_gone", "Is gone.")}
    return LazyGroup(table, name="metaproto")


def invoke(group: LazyGroup, *args: str, **env: str) -> click.testing.Result:
    return CliRunner().invoke(group, args, color=True, env={"NO_COLOR": None, "FORCE_COLOR": None, **env})


@pytest.mark.parametrize(
    ("args", "verbosity"),
    [
        (["plain"], 0),
        (["-v", "plain"], 1),
        (["plain", "-v"], 1),
        (["-v", "plain", "-vv"], 3),
        (["-q", "plain"], -1),
        (["plain", "-q"], -1),
        (["plain", "--quiet"], -1),
        (["--verbose", "plain"], 1),
    ],
)
def test_global_options_work_before_and_after_the_command(group: LazyGroup, args: list[str], verbosity: int) -> None:
    assert f"verbosity={verbosity}\n" in invoke(group, *args).stdout


def test_an_option_of_the_commands_own_wins_over_the_global_one(group: LazyGroup) -> None:
    assert "query=x verbosity=1" in invoke(group, "-v", "asking", "-q", "x").stdout
    assert "query=x verbosity=-1" in invoke(group, "-q", "asking", "-q", "x").stdout


@pytest.mark.parametrize(
    ("args", "shown"), [([], ["a note"]), (["-v"], ["a note", "a detail"]), (["-q"], [])], ids=["usual", "-v", "-q"]
)
def test_quiet_silences_notes_and_verbose_adds_details_all_on_stderr(
    group: LazyGroup, args: list[str], shown: list[str]
) -> None:
    result = invoke(group, *args, "plain")
    assert result.stderr.splitlines() == shown
    assert "data" in result.stdout


@pytest.mark.parametrize(
    ("args", "env", "colored"),
    [
        (["plain"], {"NO_COLOR": "1"}, False),
        (["plain"], {"FORCE_COLOR": "1"}, True),
        (["plain"], {"FORCE_COLOR": "0"}, False),
        (["plain"], {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (["--color", "plain"], {"NO_COLOR": "1"}, True),
        (["plain", "--color"], {"NO_COLOR": "1"}, True),
        (["--no-color", "plain"], {"FORCE_COLOR": "1"}, False),
        (["plain", "--no-color"], {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_follows_the_option_then_no_color_then_force_color(
    group: LazyGroup, args: list[str], env: dict[str, str], colored: bool
) -> None:
    runner = CliRunner()
    result = runner.invoke(group, args, env={"NO_COLOR": None, "FORCE_COLOR": None, **env})
    assert ("\x1b[31m" in result.stdout) is colored


def test_loading_a_command_twice_gives_its_options_once(group: LazyGroup) -> None:
    context = click.Context(group)
    first, second = group.get_command(context, "plain"), group.get_command(context, "plain")
    assert first is second is plain
    flags = [flag for param in plain.params for flag in param.opts]
    assert len(flags) == len(set(flags))


def test_global_options_do_not_crowd_the_help_of_a_command(group: LazyGroup) -> None:
    assert "--verbose" not in invoke(group, "plain", "--help").stdout


def test_listing_and_helping_import_no_command(group: LazyGroup) -> None:
    # zz_gone does not exist: whatever imported it would fail.
    assert "Is gone." in invoke(group, "--help").stdout
    assert group.list_commands(click.Context(group)) == ["asking", "plain", "gone"]


def test_a_command_has_the_name_the_table_gives_it(group: LazyGroup) -> None:
    group.table = {"renamed": ("zz_plain", "Is plain.")}
    command = group.get_command(click.Context(group), "renamed")
    assert command is plain
    assert command.name == "renamed"


def test_a_command_that_is_not_in_the_table_is_none(group: LazyGroup) -> None:
    assert group.get_command(click.Context(group), "nothing") is None
