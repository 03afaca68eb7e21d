"""What is wrong with an installation, and what to do about it.

Every check works when the thing it looks at is missing or broken: a doctor that falls ill with the patient helps
nobody. So what may be missing is imported inside the check that looks at it.
"""

from __future__ import annotations

import enum
import errno
import os
import platform
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

from metaprotocol_sdk.exceptions import ConfigError, ScaffoldError, Severity
from metaprotocol_sdk.registry import registrations
from metaprotocol_sdk.scaffold import template_folder

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from metaprotocol_sdk.proxy.config.values import Address, AnyAddress, PipeAddress

DISTRIBUTION = "metaprotocol-sdk"

PEERS = frozenset({"thrift"})
"""Modules of other projects that a folder of a protocol's codec is easily named like."""


class Status(enum.Enum):
    """What a check found."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing has to be done."""
    PROBLEM = "problem"
    """Something will not work until it is mended."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at.

    Args:
        check: What was looked at: ``"python"``, ``"dependency click"``, ``"listener inbound"``.
        status: What came of it.
        detail: What was found, as a clause.
        remedy: What to do, as a sentence; every PROBLEM has one.
    """

    check: str
    status: Status
    detail: str
    remedy: str = ""


def examine(config: str | os.PathLike[str] | None = None) -> Iterator[Diagnosis]:
    """Everything there is to check, in the order it matters, as it is found.

    Args:
        config: A proxy's configuration file to check as well, and whether its listeners could bind.
    """
    yield check_python()
    yield from check_dependencies()
    yield from check_shadows([Path.cwd(), *map(Path, sys.path)])
    yield check_template()
    yield from check_codecs()
    if config is not None:
        yield from check_config(config)


def check_python() -> Diagnosis:
    """Whether this Python is one the installed SDK supports."""
    found = f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}"
    wanted = distribution(DISTRIBUTION).metadata["Requires-Python"] or ">=3.11"
    least = tuple(int(part) for part in re.findall(r"\d+", wanted)[:2])
    if sys.version_info[:2] >= least:
        return Diagnosis("python", Status.OK, found)
    remedy = f"Install Python {'.'.join(map(str, least))} or later and make a new virtual environment with it."
    return Diagnosis("python", Status.PROBLEM, f"{found}, and {wanted} is needed", remedy)


def check_dependencies() -> Iterator[Diagnosis]:
    """Whether every dependency the SDK declares is there, and new enough; optional ones are noted."""
    requirements = _requirements()
    if requirements is None:
        yield Diagnosis("dependency packaging", Status.PROBLEM, "not installed", _reinstall())
        return
    for requirement, extra in requirements:
        found = _version_of(requirement.name)
        name = f"dependency {requirement.name}"
        if found is None and extra:
            remedy = f'To have it: pip install "{DISTRIBUTION}[{extra}]"'
            yield Diagnosis(name, Status.NOTE, f"not installed (optional, extra {extra!r})", remedy)
        elif found is None:
            yield Diagnosis(name, Status.PROBLEM, "not installed", _reinstall())
        elif not requirement.specifier.contains(found, prereleases=True):
            remedy = f'Run: pip install "{requirement.name}{requirement.specifier}"'
            yield Diagnosis(name, Status.PROBLEM, f"{found} is here, {requirement.specifier} is needed", remedy)
        else:
            yield Diagnosis(name, Status.OK, found)


def _requirements() -> list[tuple[Requirement, str]] | None:
    """Declared requirements that apply here, each with the extra that asks for it; None: they cannot be read."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return None
    found = []
    for text in distribution(DISTRIBUTION).requires or []:
        requirement = Requirement(text)
        extra = next(iter(re.findall(r"extra == ['\"]([\w-]+)['\"]", text)), "")
        is_own = requirement.name == DISTRIBUTION or extra in ("all", "dev")
        if not is_own and (requirement.marker is None or requirement.marker.evaluate({"extra": extra})):
            found.append((requirement, extra))
    return found


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _reinstall() -> str:
    return f'Run: pip install "{DISTRIBUTION}"'


def check_shadows(folders: list[Path]) -> Iterator[Diagnosis]:
    """Whether a local file or folder hides a library that the SDK, or a peer of its tests, imports by name.

    Args:
        folders: Where imports look first, in order. The working folder belongs to them: commands make it importable.
    """
    installed = _installed_modules()
    clean = True
    for folder in dict.fromkeys(each.resolve() for each in folders if each.is_dir()):
        for name in sorted({*installed, *PEERS}):
            home = installed.get(name)
            if folder == home:
                continue
            spec = PathFinder.find_spec(name, [str(folder)])
            if spec is None or spec.loader is None or _is_installed_here(folder, name):
                continue
            clean = False
            status, verb = (Status.PROBLEM, "hides") if home else (Status.NOTE, "would hide")
            remedy = f"Rename it, or work in another folder: `import {name}` finds it instead of the library."
            yield Diagnosis(f"import {name}", status, f"{spec.origin} {verb} the library {name!r}", remedy)
    if clean:
        yield Diagnosis("imports", Status.OK, "no local file hides a library")


def _installed_modules() -> dict[str, Path]:
    """The modules of the SDK's dependencies and peers, each with the folder it is installed in."""
    wanted = {_normal(requirement.name) for requirement, _ in _requirements() or []} | PEERS
    found = {}
    for module, projects in packages_distributions().items():
        mine = next((each for each in projects if _normal(each) in wanted), None)
        if mine and module.isidentifier() and not module.startswith("_"):
            found[module] = Path(str(distribution(mine).locate_file(""))).resolve()
    return found


def _is_installed_here(folder: Path, name: str) -> bool:
    # A library installed twice is pip's business; a folder with no *.dist-info of it is somebody's own code.
    return any(_normal(each.name).startswith(_normal(name)) for each in folder.glob("*.dist-info"))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_template() -> Diagnosis:
    """Whether ``metaproto new`` has its template."""
    try:
        return Diagnosis("template", Status.OK, str(template_folder()))
    except ScaffoldError as error:
        return Diagnosis("template", Status.PROBLEM, str(error), _reinstall())


def check_codecs() -> Iterator[Diagnosis]:
    """Whether every registered codec loads, and no two projects register the same name."""
    found = registrations()
    if not found:
        yield Diagnosis("codecs", Status.NOTE, "none is registered", "Start one with `metaproto new`.")
    names = [each.name for each in found]
    for each in found:
        source = each.distribution or each.target
        if each.problem:
            remedy = f"Mend {each.target}, or uninstall {source}; the other codecs work."
            yield Diagnosis(f"codec {each.name}", Status.PROBLEM, each.problem, remedy)
        elif names.count(each.name) > 1:
            remedy = "Uninstall all but one of the projects that register it."
            yield Diagnosis(f"codec {each.name}", Status.PROBLEM, f"{source} is not the only one of that name", remedy)
        else:
            yield Diagnosis(f"codec {each.name}", Status.OK, f"{each.target} ({source})")


def check_config(path: str | os.PathLike[str]) -> Iterator[Diagnosis]:
    """Whether a proxy would start with this file, here and now."""
    try:
        from metaprotocol_sdk.proxy.config import load_config
    except ImportError as error:
        yield Diagnosis("configuration", Status.PROBLEM, f"it cannot be read: {error}", _reinstall())
        return
    try:
        config = load_config(path)
    except ConfigError as error:
        for finding in error.findings:
            status = Status.PROBLEM if finding.severity is Severity.ERROR else Status.NOTE
            remedy = "Change the file there." if status is Status.PROBLEM else ""
            yield Diagnosis("configuration", status, str(finding), remedy)
        return
    yield Diagnosis("configuration", Status.OK, os.fspath(path))
    for finding in config.notes:
        yield Diagnosis("configuration", Status.NOTE, str(finding))
    for listener in config.listeners:
        yield check_where(f"listener {listener.name}", listener.address)
    if config.admin is not None:
        yield check_where("admin", config.admin)


def check_where(check: str, address: AnyAddress) -> Diagnosis:
    """Whether ``address`` could be listened on: :func:`check_pipe` or :func:`check_address`.

    Args:
        check: What is looked at: what wants to listen there.
        address: The address.
    """
    from metaprotocol_sdk.proxy.config.values import PipeAddress

    return check_pipe(check, address) if isinstance(address, PipeAddress) else check_address(check, address)


def check_pipe(check: str, address: PipeAddress) -> Diagnosis:
    """Whether a listener could make its Unix socket: nothing is tried, for a file that is there may be in use.

    Args:
        check: What is looked at: what wants to listen there.
        address: The address.
    """
    folder = os.path.dirname(address.path) or "."
    if address.is_abstract or os.access(folder, os.W_OK | os.X_OK):
        return Diagnosis(check, Status.OK, f"{address} can be made")
    problem = "may not be written to by this user" if os.path.isdir(folder) else "is not there"
    return Diagnosis(check, Status.PROBLEM, f"{folder} {problem}", "Make the directory, or choose another path.")


def check_address(check: str, address: Address, *, bind: Callable[[Address], None] | None = None) -> Diagnosis:
    """Whether ``address`` could be listened on, tried by binding it for a moment.

    Args:
        check: What is looked at: what wants to listen there.
        address: The address.
        bind: Binds and lets go again, or raises OSError.
    """
    try:
        (bind or _bind)(address)
    except OSError as error:
        detail, remedy = _refusal(address, error)
        return Diagnosis(check, Status.PROBLEM, detail, remedy)
    return Diagnosis(check, Status.OK, f"{address} is free")


def _bind(address: Address) -> None:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the proxy binds: TIME_WAIT is no hindrance
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((address.host, address.port))


def _refusal(address: Address, error: OSError) -> tuple[str, str]:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{address} is in use already",
            f"Stop what listens there (`ss -ltnp 'sport = :{address.port}'` shows it), or choose another port.",
        )
    if error.errno == errno.EACCES:
        return f"this user may not listen on {address}", "Choose a port from 1024 up, or run the proxy with the right."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"no interface of this machine has {address.host}", "Use 0.0.0.0, or an address `ip addr` shows."
    return f"{address} cannot be bound: {error.strerror or error}", "Change the address."
