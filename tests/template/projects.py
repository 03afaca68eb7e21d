"""Projects rendered from the template, each shape of them."""

from __future__ import annotations

import itertools
from pathlib import Path

from metaprotocol_sdk.demo.project import Project, register
from metaprotocol_sdk.names import ProtocolNames
from metaprotocol_sdk.scaffold import new_project

FRAMINGS = ("length", "varint", "text")
SHAPES = [{"framing": framing, "headers": headers} for framing, headers in itertools.product(FRAMINGS, ("yes", "no"))]


def shape_id(shape: dict[str, str]) -> str:
    return f"{shape['framing']}-{'headers' if shape['headers'] == 'yes' else 'plain'}"


def rendered(folder: Path, shape: dict[str, str], name: str = "parcel-rpc") -> Project:
    """A project of that shape, with its codec registered for programs that have ``Project.path`` on theirs."""
    made = new_project(name, output=folder, answers=shape)
    registry = folder / "registry"
    register(made, registry)
    return Project(made, ProtocolNames.from_name(name).package, registry)
