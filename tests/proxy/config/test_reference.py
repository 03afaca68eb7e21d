from __future__ import annotations

from typing import Annotated, Any

import pytest

from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.fields import OURS, Duration, Kind, Origin, Repeated, Text
from metaprotocol_sdk.proxy.config.message import Message, OneOf, not_yet
from metaprotocol_sdk.proxy.config.reference import field_docs, render
from metaprotocol_sdk.proxy.config.values import LbPolicy


class Inner(Message):
    """``example.Inner``, with nothing in it."""


class Opened(Message):
    """``example.Opened``."""

    text: str = ""
    """It is `a|b`."""


class Sample(Message):
    """``example.Sample``: shows every kind of field.

    See :class:`Inner`.
    """

    refused = not_yet("later", "much_later")
    one_of = (OneOf(("text", "many", "later")),)

    text: Text
    """Over
    two lines."""

    many: Repeated[Inner] = ()
    """Several."""

    inner: Inner | None = None
    """One."""

    wait: Annotated[Duration, Origin("envoy.Other.wait")] = 2.0
    """Or not."""

    policy: LbPolicy = LbPolicy.MAGLEV
    """How."""

    ours: Annotated[bool, OURS] = True
    """Nobody else's."""

    opened: Annotated[Any, Kind("mapping", Opened)] = None
    """What is in it."""


SAMPLE = FilterModel("sample", "type.googleapis.com/example.Sample", Sample)
POLICIES = "`ROUND_ROBIN`, `LEAST_REQUEST`, `RANDOM`, `RING_HASH`, `MAGLEV`"
SECTION = f"""\
## Sample

`example.Sample`: shows every kind of field.

See `Inner`.

Stands in `config` of a [MetaProtocolFilter](#metaprotocolfilter), `{SAMPLE.name}`.

| field | type | default | meaning | Envoy's field |
|---|---|---|---|---|
| `text` | text | required | Over two lines. | `Sample.text` |
| `many` | list of [Inner](#inner) |  | Several. | `Sample.many` |
| `inner` | [Inner](#inner) |  | One. | `Sample.inner` |
| `wait` | duration | `2s` | Or not. | `envoy.Other.wait` |
| `policy` | {POLICIES} | `MAGLEV` | How. | `Sample.policy` |
| `ours` | true or false | `true` | Nobody else's. | this proxy's |
| `opened` | mapping: [Opened](#opened) |  | What is in it. | `Sample.opened` |

At most one of `text`, `many` is given.

Refused: `later`, `much_later`: not supported yet by this proxy.

## Inner

`example.Inner`, with nothing in it.

Stands in `many` of [Sample](#sample), `inner` of [Sample](#sample).

## Opened

`example.Opened`.

Stands in `opened` of [Sample](#sample).

| field | type | default | meaning | Envoy's field |
|---|---|---|---|---|
| `text` | text |  | It is `a\\|b`. | `Opened.text` |

## """


def test_a_message_and_those_in_it_become_sections() -> None:
    page = render({"sample": SAMPLE})
    assert SECTION in page
    assert "* `sample`: its `config` is [Sample](#sample), with `'@type': type.googleapis.com/example.Sample`\n" in page


def test_a_field_without_a_meaning_is_a_bug() -> None:
    class Dumb(Message):
        """``example.Dumb``."""

        said: str = ""
        """Said."""
        unsaid: str = ""

    assert field_docs(Dumb) == {"said": "Said."}
    with pytest.raises(KeyError, match="unsaid"):
        render({"dumb": FilterModel("dumb", "x", Dumb)})


def test_a_message_that_does_not_say_whose_it_is_is_a_bug() -> None:
    class Nobodys(Message):
        """Some message."""

    with pytest.raises(AssertionError, match="Nobodys does not say whose message it is"):
        render({"nobodys": FilterModel("nobodys", "x", Nobodys)})


def test_messages_and_links_are_one_to_one() -> None:
    lines = render({}).splitlines()
    sections = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    contents = [line[3 : line.index("]")] for line in lines if line.startswith("* [")]
    assert sections == contents
    assert len(set(map(str.lower, sections))) == len(sections)


def test_each_message_says_which_fields_hold_it() -> None:
    page = render({"pause": FilterModel("pause", "type.googleapis.com/example.Sample", Sample)})
    assert "\n## Listener\n" in page
    sections = {each.partition("\n")[0]: each for each in page.split("\n## ")}
    assert "Stands in `listeners` of [StaticResources](#staticresources).\n" in sections["Listener"]
    assert "Stands in `config` of a [MetaProtocolFilter](#metaprotocolfilter), `pause`.\n" in sections["Sample"]
    assert "`many` of [Sample](#sample)" in sections["Inner"]
    assert "Stands in" not in sections["Bootstrap"]
    nowhere = [name for name, text in sections.items() if "| field |" in text and "Stands in " not in text]
    assert nowhere == ["Bootstrap"]
