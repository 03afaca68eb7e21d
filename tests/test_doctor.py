"""Every illness the doctor knows, each caused on purpose; every problem says what to do."""

from __future__ import annotations

import errno
import os
import socket
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from metaprotocol_sdk import doctor
from metaprotocol_sdk.doctor import Diagnosis, Status, check_address, check_config, check_pipe, check_shadows, examine
from metaprotocol_sdk.exceptions import ScaffoldError
from metaprotocol_sdk.proxy.config.values import Address, PipeAddress
from metaprotocol_sdk.registry import Registration
from tests.helpers import TinyCodec

PROXY = """
static_resources:
  listeners:
  - name: inbound
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          "@type": type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: inbound
          protocol:
            name: tiny
            codec: {{name: "tests.helpers:TinyCodec"}}
          route_config:
            name: all
            routes:
            - route: {{cluster: servers}}
  clusters:
  - name: servers
    type: STATIC
    load_assignment:
      cluster_name: servers
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: 9}}}}}}
"""


def problems(found: list[Diagnosis]) -> list[Diagnosis]:
    return [each for each in found if each.status is Status.PROBLEM]


def test_a_whole_installation_has_no_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "registrations", lambda: [Registration("tiny", "m:Tiny", "tiny 1", TinyCodec)])
    found = list(examine())
    assert problems(found) == []
    checks = [each.check for each in found]
    assert checks[0] == "python"
    assert {"dependency click", "dependency construct", "imports", "template", "codec tiny"} <= set(checks)


def test_an_old_python_is_told_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    found = doctor.check_python()
    assert found.status is Status.PROBLEM
    assert ">=3.11 is needed" in found.detail
    assert found.remedy.startswith("Install Python 3.11 or later")


def test_a_missing_dependency_is_a_problem_and_a_missing_extra_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name in ("uvloop", "rich"):
            raise PackageNotFoundError(name)
        return "1.0" if name == "click" else "9999"

    monkeypatch.setattr(doctor, "version", version)
    found = {each.check: each for each in doctor.check_dependencies()}
    missing, old, extra = found["dependency rich"], found["dependency click"], found["dependency uvloop"]
    assert (missing.status, missing.detail) == (Status.PROBLEM, "not installed")
    assert missing.remedy == 'Run: pip install "metaprotocol-sdk"'
    assert (old.status, old.detail) == (Status.PROBLEM, "1.0 is here, >=8.2 is needed")
    assert old.remedy == 'Run: pip install "click>=8.2"'
    assert (extra.status, extra.remedy) == (Status.NOTE, 'To have it: pip install "metaprotocol-sdk[fast]"')


def test_tools_of_development_are_no_dependency() -> None:
    assert "dependency ruff" not in [each.check for each in doctor.check_dependencies()]


def test_without_packaging_the_doctor_still_speaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "packaging.requirements", None)
    found = list(doctor.check_dependencies())
    assert [(each.check, each.status) for each in found] == [("dependency packaging", Status.PROBLEM)]
    assert list(check_shadows([tmp_path]))


def shadow(folder: Path, name: str) -> list[Diagnosis]:
    (folder / f"{name}.py").touch()
    return list(check_shadows([folder]))


@pytest.mark.parametrize("name", ["construct", "click", "yaml", "re2"])
def test_a_local_file_that_hides_a_library_is_found(tmp_path: Path, name: str) -> None:
    [found] = shadow(tmp_path, name)
    assert (found.check, found.status) == (f"import {name}", Status.PROBLEM)
    assert found.detail == f"{tmp_path / name}.py hides the library {name!r}"
    assert "Rename it" in found.remedy


def test_a_local_package_hides_a_library_too(tmp_path: Path) -> None:
    (tmp_path / "construct").mkdir()
    (tmp_path / "construct" / "__init__.py").touch()
    assert [each.check for each in problems(list(check_shadows([tmp_path])))] == ["import construct"]


def test_a_folder_without_code_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "construct").mkdir()
    assert [each.status for each in check_shadows([tmp_path])] == [Status.OK]


def test_a_library_that_is_not_installed_would_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "packages_distributions", dict)
    [found] = shadow(tmp_path, "thrift")
    assert (found.check, found.status) == ("import thrift", Status.NOTE)
    assert "would hide" in found.detail


def test_a_library_installed_in_that_very_folder_is_no_shadow(tmp_path: Path) -> None:
    (tmp_path / "construct-2.10.70.dist-info").mkdir()
    assert [each.status for each in shadow(tmp_path, "construct")] == [Status.OK]


def test_a_missing_template_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise ScaffoldError("the project template is in neither place")

    monkeypatch.setattr(doctor, "template_folder", missing)
    found = doctor.check_template()
    assert (found.status, found.detail) == (Status.PROBLEM, "the project template is in neither place")
    assert found.remedy


def test_broken_and_doubled_codecs_are_problems_and_the_others_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    registered = [
        Registration("bad", "bad:Codec", "bad 1", None, "importing bad:Codec fails with X: y"),
        Registration("good", "good:Codec", "good 1", TinyCodec),
        Registration("twice", "one:Codec", "one 1", TinyCodec),
        Registration("twice", "two:Codec", "", TinyCodec),
    ]
    monkeypatch.setattr(doctor, "registrations", lambda: registered)
    found = list(doctor.check_codecs())
    assert [each.status for each in found] == [Status.PROBLEM, Status.OK, Status.PROBLEM, Status.PROBLEM]
    assert found[0].remedy == "Mend bad:Codec, or uninstall bad 1; the other codecs work."
    assert found[3].detail == "two:Codec is not the only one of that name"


def test_no_codec_at_all_is_worth_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "registrations", list)
    assert [(each.check, each.status) for each in doctor.check_codecs()] == [("codecs", Status.NOTE)]


def test_a_port_that_is_free_and_one_that_is_not() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = Address("127.0.0.1", server.getsockname()[1])
        found = check_address("listener inbound", taken)
    assert (found.check, found.status) == ("listener inbound", Status.PROBLEM)
    assert found.detail == f"{taken} is in use already"
    assert f"ss -ltnp 'sport = :{taken.port}'" in found.remedy
    free = check_address("listener inbound", Address("127.0.0.1", 0))
    assert (free.status, free.detail) == (Status.OK, "127.0.0.1:0 is free")


def test_an_ipv6_port_is_free_whatever_has_it_in_ipv4() -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        port = server.getsockname()[1]
        found = check_address("listener inbound", Address("::", port))
    if "cannot be bound" in found.detail or "no interface" in found.detail:
        pytest.skip("this machine has no IPv6")
    assert (found.status, found.detail) == (Status.OK, f"[::]:{port} is free")


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        (errno.EACCES, "this user may not listen on 10.0.0.1:80"),
        (errno.EADDRNOTAVAIL, "no interface of this machine has 10.0.0.1"),
        (errno.EADDRINUSE, "10.0.0.1:80 is in use already"),
        (errno.EIO, "10.0.0.1:80 cannot be bound: Input/output error"),
    ],
)
def test_each_refusal_of_an_address_says_what_to_do(number: int, detail: str) -> None:
    def bind(address: Address) -> None:
        raise OSError(number, os.strerror(number))

    found = check_address("listener inbound", Address("10.0.0.1", 80), bind=bind)
    assert (found.status, found.detail) == (Status.PROBLEM, detail)
    assert found.remedy


def test_a_right_configuration_is_checked_down_to_its_ports(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text(PROXY.format(port=0))
    found = list(check_config(file))
    assert problems(found) == []
    assert (found[0].check, found[0].detail) == ("configuration", str(file))
    assert found[-1].check == "listener inbound"


def test_the_admin_port_is_checked_as_a_listeners_is(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        admin = f"admin: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}\n"
        file.write_text(admin + PROXY.format(port=0))
        (found,) = [each for each in check_config(file) if each.status is Status.PROBLEM]
    assert (found.check, found.detail) == ("admin", f"127.0.0.1:{port} is in use already")


def test_every_error_of_a_configuration_is_a_problem_at_its_place(tmp_path: Path) -> None:
    file = tmp_path / "proxy.yaml"
    file.write_text(PROXY.format(port="[]") + "nonsense: 1\n")
    found = problems(list(examine(file)))
    texts = [each.detail for each in found if each.check == "configuration"]
    assert len(texts) >= 2
    assert all(text.startswith(f"{file}:") for text in texts)


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path: Path) -> None:
    [found] = check_config(tmp_path / "nothing.yaml")
    assert found.status is Status.PROBLEM
    assert "nothing.yaml" in found.detail


def test_a_configuration_without_its_libraries_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "metaprotocol_sdk.proxy.config", None)
    [found] = check_config("proxy.yaml")
    assert found.status is Status.PROBLEM
    assert found.remedy


def test_a_unix_socket_wants_a_directory(tmp_path: Path) -> None:
    assert check_pipe("x", PipeAddress(str(tmp_path / "x"))).status is Status.OK
    assert check_pipe("x", PipeAddress("@x")).status is Status.OK
    found = check_pipe("x", PipeAddress(str(tmp_path / "nowhere/x")))
    assert (found.status, found.detail) == (Status.PROBLEM, f"{tmp_path}/nowhere is not there")
