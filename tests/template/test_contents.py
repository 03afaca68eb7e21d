"""What is in a rendered project besides code: names, configuration, deployment, and the template's own questions."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from packaging.requirements import Requirement

from metaprotocol_sdk.names import ProtocolNames, objection
from metaprotocol_sdk.proxy.config import load_config, parse_config
from metaprotocol_sdk.scaffold import template_folder
from tests.template.projects import SHAPES, rendered, shape_id

ROOT = Path(__file__).parent.parent.parent
NAMES = ProtocolNames.from_name("parcel-rpc")
CONTEXT: dict[str, Any] = json.loads((template_folder() / "cookiecutter.json").read_text())


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text()))


def test_at_most_six_questions_are_asked_each_in_words() -> None:
    asked = {key: value for key, value in CONTEXT.items() if not key.startswith("_")}
    assert 1 < len(asked) <= 6
    assert list(CONTEXT["__prompts__"]) == list(asked)
    for key, value in asked.items():
        if isinstance(value, list):
            assert set(CONTEXT["__prompts__"][key]) == {"__prompt__", *value}


@given(st.from_regex(r"[a-z][a-z0-9]{0,6}([-_ ][a-z0-9]{1,6}){0,3}", fullmatch=True).filter(lambda n: not objection(n)))
def test_the_derived_names_follow_the_one_rule(name: str) -> None:
    names = ProtocolNames.from_name(name)
    for key in ("project", "package", "wire", "title"):
        said = Environment().from_string(CONTEXT[f"__{key}"]).render(cookiecutter={"protocol_name": names.project})
        assert said == getattr(names, key)


@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_nothing_of_the_template_shows(tmp_path: Path, shape: dict[str, str]) -> None:
    project = rendered(tmp_path, shape)
    for path in project.folder.rglob("*"):
        if path.is_file():
            text = path.read_text().replace("${{ matrix.python-version }}", "")
            assert not re.search(r"\{\{|\{%|cookiecutter", text), path
            assert "\n\n\n\n" not in text, path
            assert not text or text.endswith("\n"), path


@pytest.mark.parametrize("shape", SHAPES, ids=shape_id)
def test_the_proxy_takes_both_configurations(tmp_path: Path, shape: dict[str, str]) -> None:
    project = rendered(tmp_path, shape)
    with project.importable():
        local = load_config(project.folder / "proxy.yaml")
        (config_map,) = documents(project.folder / "kubernetes/proxy-config.yaml")
        in_pod = parse_config(config_map["data"]["proxy.yaml"])
    assert local.notes == in_pod.notes == ()
    (listener,) = local.listeners
    canary, default = listener.routes.routes
    assert (canary.cluster, default.cluster, default.metadata) == ("v2", "v1", ())
    assert bool(canary.request_mutation) is (shape["headers"] == "yes")
    assert [cluster.name for cluster in local.clusters] == ["v1", "v2"]
    assert listener.protocol.codec == NAMES.codec_id
    assert str(in_pod.listeners[0].address).startswith("0.0.0.0:")


def test_the_names_in_kubernetes_fit_together(tmp_path: Path) -> None:
    folder = rendered(tmp_path, SHAPES[0]).folder / "kubernetes"
    (service,) = documents(folder / "service.yaml")
    protocol, entry = documents(folder / "mesh.yaml")
    (deployment,) = documents(folder / "deployment.yaml")
    (config_map,) = documents(folder / "proxy-config.yaml")
    assert protocol["kind"] == "ApplicationProtocol"
    assert protocol["spec"] == {"protocol": NAMES.wire, "codec": NAMES.codec_id}
    assert [service["spec"]["ports"][0]["name"], entry["spec"]["ports"][0]["name"]] == [NAMES.port_name] * 2
    pod = deployment["spec"]["template"]
    labels = service["spec"]["selector"]
    assert labels == entry["spec"]["workloadSelector"]["labels"] == deployment["spec"]["selector"]["matchLabels"]
    assert labels.items() <= pod["metadata"]["labels"].items()
    assert pod["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"
    assert pod["spec"]["volumes"][0]["configMap"]["name"] == config_map["metadata"]["name"]


def test_the_pod_runs_the_proxy_beside_the_service(tmp_path: Path) -> None:
    project = rendered(tmp_path, SHAPES[0])
    (deployment,) = documents(project.folder / "kubernetes/deployment.yaml")
    (config_map,) = documents(project.folder / "kubernetes/proxy-config.yaml")
    service, proxy = deployment["spec"]["template"]["spec"]["containers"]
    assert proxy["command"] == ["metaproto", "proxy", "-c", "/etc/metaproto/proxy.yaml"]
    assert proxy["volumeMounts"][0]["mountPath"] == "/etc/metaproto"
    with project.importable():
        config = parse_config(config_map["data"]["proxy.yaml"])
    assert proxy["ports"][0]["containerPort"] == int(str(config.listeners[0].address).rpartition(":")[2])
    (endpoint,) = config.clusters[0].endpoints
    assert tuple(str(endpoint.address).split(":")) == (
        "127.0.0.1",
        service["command"][service["command"].index("--port") + 1],
    )


def test_the_project_accepts_the_sdk_that_rendered_it_and_registers_its_codec(tmp_path: Path) -> None:
    project = tomllib.loads(rendered(tmp_path, SHAPES[0]).read("pyproject.toml"))["project"]
    requirement = Requirement(project["dependencies"][0])
    assert requirement.name == "metaprotocol-sdk"
    assert requirement.specifier.contains(version("metaprotocol-sdk"))
    assert project["entry-points"]["metaprotocol.codecs"] == {"parcel_rpc": "parcel_rpc.codec:ParcelRpcCodec"}


def test_the_ci_file_keeps_its_own_braces(tmp_path: Path) -> None:
    (ci,) = documents(rendered(tmp_path, SHAPES[0]).folder / ".github/workflows/ci.yml")
    steps = ci["jobs"]["test"]["steps"]
    assert steps[1]["with"]["python-version"] == "${{ matrix.python-version }}"


def test_the_ci_file_keeps_the_report_of_conformance_whatever_comes_out(tmp_path: Path) -> None:
    (ci,) = documents(rendered(tmp_path, SHAPES[0]).folder / ".github/workflows/ci.yml")
    steps = ci["jobs"]["test"]["steps"]
    (written,) = [
        word
        for step in steps
        for word in step.get("run", "").split()
        if step.get("run", "").startswith("metaproto conformance") and word.startswith("html=")
    ]
    (upload,) = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    assert upload["with"]["name"] == "conformance-${{ matrix.python-version }}"
    assert written.removeprefix("html=").startswith(upload["with"]["path"])


@pytest.mark.parametrize("codec", [path.parent.name for path in (ROOT / "reference_codecs").glob("*/codec.py")])
def test_a_reference_codec_has_the_files_of_the_template(tmp_path: Path, codec: str) -> None:
    project = rendered(tmp_path, SHAPES[0])
    of_the_protocol = {path.name for path in (project.folder / project.package).glob("*.py")} - {"echo.py"}
    has = {path.name for path in (ROOT / "reference_codecs" / codec).iterdir()}
    assert has >= of_the_protocol | {"README.md"}
