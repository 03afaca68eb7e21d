"""``/``: one page that lists the commands, with a form for each. No script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape

from metaprotocol_sdk.proxy.admin.commands import COMMANDS, Command, Parameter
from metaprotocol_sdk.proxy.admin.operated import Operated, State

_STYLE = """\
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #1a66d6; --ok: #1d7f43; --bad: #b3541e; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; margin: 0 0 .2rem; }
p { margin: 0 0 1.4rem; opacity: .8; }
b { color: var(--bad); } b.live { color: var(--ok); }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .45rem .6rem .45rem 0; vertical-align: top; }
td:first-child { width: 13rem; } tr:hover { background: var(--soft); }
a, button { color: var(--accent); font: 13px ui-monospace, monospace; }
button { background: none; border: 1px solid var(--line); border-radius: 4px; cursor: pointer; padding: .15rem .5rem; }
form { margin: 0; } fieldset { border: 0; margin: .3rem 0 0; padding: 0; font-size: 13px; }
label { display: inline-block; margin-right: 1.2rem; } input[type=text] { width: 14rem; }
"""


def page(operated: Operated) -> str:
    """The page as HTML."""
    state = operated.state
    mark = ' class="live"' if state is State.LIVE else ""
    node = f" · node {escape(operated.node.id)}" if operated.node.id else ""
    looks = "".join(_row(each) for each in COMMANDS if not each.is_change)
    changes = "".join(_row(each) for each in COMMANDS if each.is_change)
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>metaproto proxy: admin</title>
<style>
{_STYLE}</style>
</head>
<body>
<h1>metaproto proxy</h1>
<p><b{mark}>{state.name}</b>{node} · up {_period(operated.uptime)}</p>
<h2>Look</h2>
<table>
{looks}</table>
<h2>Change</h2>
<table>
{changes}</table>
</body>
</html>
"""


def _row(command: Command) -> str:
    method = "post" if command.is_change else "get"
    form = f"f{command.path.replace('/', '-')}"
    first = "<option></option>" if command.is_change else ""  # what is not chosen changes nothing
    fields = "".join(_field(each, form, first) for each in command.parameters)
    fieldset = f"<fieldset>{fields}</fieldset>" if fields else ""
    button = f"<button>{command.path}</button>"
    return (
        f'<tr><td><form id="{form}" method="{method}" action="{command.path}">{button}</form></td>'
        f"<td>{escape(command.meaning)}{fieldset}</td></tr>\n"
    )


def _field(parameter: Parameter, form: str, first: str) -> str:
    name, title = parameter.name, escape(parameter.meaning)
    if parameter.is_flag:
        field = f'<input type="checkbox" name="{name}" form="{form}" value="1"> {name}'
        return f'<label title="{title}">{field}</label>'
    if parameter.words:
        options = first + "".join(f"<option>{word}</option>" for word in parameter.words)
        return f'<label title="{title}">{name} <select name="{name}" form="{form}">{options}</select></label>'
    return f'<label title="{title}">{name} <input type="text" name="{name}" form="{form}"></label>'


def _period(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s" if minutes else f"{left} s"
