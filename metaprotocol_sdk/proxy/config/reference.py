"""``docs/reference/configuration.md``, from the models themselves.

A field's meaning is the docstring under it, its type and default are the model's, and what a message refuses or ignores
is what its tables say.
"""

from __future__ import annotations

import ast
import enum
import inspect
import re
import textwrap
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, PlainValidator
from pydantic.fields import FieldInfo

from metaprotocol_sdk.proxy.config.bootstrap import Bootstrap
from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.fields import MAX_COUNT, Kind, Origin, Whole
from metaprotocol_sdk.proxy.config.message import Message
from metaprotocol_sdk.proxy.config.meta_protocol import ROUTER, MetaProtocolFilter
from metaprotocol_sdk.proxy.config.waiting import WAITING_FILTERS

_INTRODUCTION = """\
# Configuration

Generated from the models by `make docs`; a test compares.

`metaproto proxy -c FILE` reads one YAML document: Envoy's bootstrap, the part that a MetaProtocol proxy uses, with
MetaProtocol Proxy's network filter. What is Envoy's or MetaProtocol Proxy's has their names; the last column says whose
field it is, and "this proxy's" where it is nobody else's.

* Keys are snake_case or camelCase. A single mapping stands for a list of one; `null` stands for a field not given.
* A duration is seconds with an s: `5s`, `0.25s`. A number may be text of its digits.
* YAML is 1.2: `no` is text, `010` is text. A key given twice with one value is a warning, with two an error.
* Everything that is wrong is told at once, each with its line, column and path. An **error** has to be mended; a
  **warning** is about something that is probably not meant; a **note** about something accepted that does nothing.
  `metaproto proxy -c FILE --mode validate` says them and serves nothing.
* A file has at most 16 MiB.

"""
_SCALARS = {bool: "true or false", str: "text", int: "whole number", float: "number", Any: "anything"}
_ROLE = re.compile(r":\w+:`~?(?:[\w.]+\.)?(\w+)`")


def render(filters: Mapping[str, FilterModel]) -> str:
    """The page as Markdown.

    Args:
        filters: The filters it tells of beside the router and those that wait, by name.
    """
    chain = {ROUTER.name: ROUTER, **filters, **{name: model for name, (model, _) in WAITING_FILTERS.items()}}
    messages = list(_walk(Bootstrap, [each.model for each in chain.values() if each.model is not None], []))
    contents = "\n".join(f"* [{each.__name__}](#{each.__name__.lower()}): {_name(each)}" for each in messages)
    places = _places(messages, chain)
    sections = [_section(each, chain, places.get(each, [])) for each in messages]
    return "\n".join([_INTRODUCTION + contents, "", *sections])


def _walk(model: type[BaseModel], filters: Iterable[type[BaseModel]], seen: list[type]) -> Iterator[type[Message]]:
    """Each message once, before those in it."""
    if model in seen or not issubclass(model, Message):
        return
    seen.append(model)
    yield model
    for field in model.model_fields.values():
        for inner in _models(field.annotation, field.metadata):
            yield from _walk(inner, filters, seen)
    if model is MetaProtocolFilter:
        for each in filters:
            yield from _walk(each, filters, seen)


def _places(messages: Iterable[type[Message]], chain: Mapping[str, FilterModel]) -> dict[type[BaseModel], list[str]]:
    """The fields that hold each message: who knows one field only finds from there where in a file it stands."""
    places: dict[type[BaseModel], list[str]] = {}
    for outer in messages:
        for name, field in outer.model_fields.items():
            for inner in _models(field.annotation, field.metadata):
                places.setdefault(inner, []).append(f"`{name}` of {_link(outer)}")
    for each in chain.values():
        if each.model is not None:
            places.setdefault(each.model, []).append(f"`config` of a {_link(MetaProtocolFilter)}, `{each.name}`")
    return places


def _models(annotation: Any, metadata: Iterable[Any] = ()) -> list[type[BaseModel]]:
    """The messages a field can hold."""
    for each in metadata:
        if isinstance(each, Kind) and each.model is not None:
            return [each.model]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _models(inner, more)
    return [model for each in get_args(annotation) for model in _models(each)]


def _section(model: type[Message], chain: Mapping[str, FilterModel], places: list[str]) -> str:
    lines = [f"## {model.__name__}", "", _markdown(inspect.cleandoc(model.__doc__ or "")), ""]
    if places:
        lines += [f"Stands in {', '.join(places)}.", ""]
    if model.model_fields:
        documented = field_docs(model)
        lines += ["| field | type | default | meaning | Envoy's field |", "|---|---|---|---|---|"]
        lines += [_row(model, name, field, documented[name]) for name, field in model.model_fields.items()]
        lines.append("")
    lines += _rules(model)
    if model is MetaProtocolFilter:
        lines += [_filter(each) for each in chain.values()] + [""]
    return "\n".join(lines)


def _filter(model: FilterModel) -> str:
    config = f"[{model.model.__name__}](#{model.model.__name__.lower()})" if model.model is not None else "nothing"
    return f"* `{model.name}`: its `config` is {config}, with `'@type': {model.type_url}`"


def _row(model: type[Message], name: str, field: FieldInfo, meaning: str) -> str:
    origin = next((each for each in field.metadata if isinstance(each, Origin)), None)
    whose = f"`{_name(model).rpartition('.')[2]}.{name}`" if origin is None else _whose(origin)
    cells = (f"`{name}`", _type(field.annotation, field.metadata), _default(field), meaning, whose)
    return "| " + " | ".join(cells) + " |"


def _whose(origin: Origin) -> str:
    return f"`{origin.field}`" if origin.field else "this proxy's"


def _type(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    for each in metadata:
        if isinstance(each, Kind):
            return each.text if each.model is None else f"{each.text}: {_link(each.model)}"
        if isinstance(each, PlainValidator) and isinstance(each.func, Whole):
            return str(each.func).removeprefix("a ").replace(f"to {MAX_COUNT}", "up")
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return ", ".join(f"`{each.value}`" for each in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _link(annotation)
    return _generic(get_origin(annotation), get_args(annotation))


def _generic(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in (Union, types.UnionType):
        return _type(next(each for each in arguments if each is not type(None)))
    assert origin is tuple, f"the reference has no words for {origin}"
    return f"list of {_type(arguments[0])}"


def _link(model: type[BaseModel]) -> str:
    return f"[{model.__name__}](#{model.__name__.lower()})"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
        return "`{" + ", ".join(f"{key}: {each:g}" for key, each in value.items()) + "}`" if value else ""
    if value is None or value in ("", ()) or field.default_factory is not None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, enum.Enum):
        return f"`{value.value}`"
    is_time = any(isinstance(each, Kind) and each.text.startswith("duration") for each in field.metadata)
    if isinstance(value, float):
        return f"`{value:g}s`" if is_time else f"`{value:g}`"
    return f"`{value}`"


def _rules(model: type[Message]) -> list[str]:
    """What relates fields, and what is refused or does nothing."""
    lines = []
    for group in model.one_of:
        known = [f"`{name}`" for name in group.names if name in model.model_fields]
        if len(known) > 1:
            lines.append(f"{'One' if group.missing else 'At most one'} of {', '.join(known)} is given.")
    tables = (("Accepted", model.ignored), ("Accepted and checked", model.waiting), ("Refused", model.refused))
    for verb, table in tables:
        by_sentence: dict[str, list[str]] = {}
        for key, sentence in table.items():
            by_sentence.setdefault(sentence.removeprefix("accepted; ").removeprefix("accepted, and "), []).append(key)
        for sentence, keys in by_sentence.items():
            lines.append(f"{verb}: {', '.join(f'`{key}`' for key in keys)}: {sentence}.")
    return [line for each in lines for line in (each, "")]


def _name(model: type[BaseModel]) -> str:
    """A message's full name, which its docstring opens with."""
    found = re.match(r"``([\w.]+)``", model.__doc__ or "")
    assert found is not None, f"{model.__name__} does not say whose message it is"
    return found[1]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """The docstring under each field of a message, on one line, as Markdown."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if not (isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)):
            continue
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            found[field.target.id] = _markdown(" ".join(str(text.value.value).split())).replace("|", "\\|")
    return found


def _markdown(text: str) -> str:
    return _ROLE.sub(r"`\1`", text).replace("``", "`")
