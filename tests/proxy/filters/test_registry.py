"""Names to filters, with real installed projects: a ``.dist-info`` folder and a module on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metaprotocol_sdk.exceptions import ConfigError, FilterLoadError
from metaprotocol_sdk.proxy.config import parse_config
from metaprotocol_sdk.proxy.filters import registry
from metaprotocol_sdk.proxy.filters.registry import BUILT_IN, filter_factories, filter_models, find_filter

AUDIT = """
from metaprotocol_sdk.proxy.config import FilterModel
from metaprotocol_sdk.proxy.filters.filter import Filter, FilterType

def make(config, context):
    return Filter()

AUDIT = FilterType(FilterModel("zz.audit", "type.googleapis.com/zz.Audit"), make)
"""

CONFIG = """
static_resources:
  listeners:
  - name: front
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: aeraki.meta_protocol_proxy
        typed_config:
          '@type': type.googleapis.com/aeraki.meta_protocol_proxy.v1alpha.MetaProtocolProxy
          stat_prefix: front
          protocol: {name: app, codec: {name: "tests.proxy.codecs:IdCodec"}}
          route_config: {routes: []}
          meta_protocol_filters:
          - name: NAME
          - name: aeraki.meta_protocol.filters.router
"""
PATH = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.meta_protocol_filters[0].name"

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a project that registers filters: ``install("zz_audit", source, {"zz.audit": "zz_audit:AUDIT"})``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(project: str, source: str, points: dict[str, str]) -> None:
        (tmp_path / f"{project}.py").write_text(source)
        info = tmp_path / f"{project}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.2\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines]) + "\n")

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("zz_"):
            del sys.modules[name]


@pytest.mark.parametrize("name", BUILT_IN)
def test_our_own_filters_are_registered_by_the_names_of_metaprotocol_proxy(name: str) -> None:
    assert name.startswith("aeraki.meta_protocol.filters.")
    assert find_filter(name).model is filter_models()[name]
    assert filter_models()[name].name == name
    assert filter_models()[name].type_url.startswith("type.googleapis.com/aeraki.meta_protocol_proxy.filters.")
    assert filter_factories()[name] is find_filter(name).factory


def test_a_projects_filter_is_found_by_its_entry_point(install: Install) -> None:
    install("zz_audit", AUDIT, {"zz.audit": "zz_audit:AUDIT"})
    models = filter_models()
    assert list(models) == [*BUILT_IN, "zz.audit"]
    assert len(models) == len(BUILT_IN) + 1
    assert models["zz.audit"].type_url == "type.googleapis.com/zz.Audit"
    (listener,) = parse_config(CONFIG.replace("NAME", "zz.audit"), filters=models).listeners
    assert listener.filters[0].name == "zz.audit"


def test_listing_names_imports_nothing(install: Install) -> None:
    install("zz_audit", "raise SystemExit('imported')", {"zz.audit": "zz_audit:AUDIT"})
    models = filter_models()
    assert "zz.audit" in models
    assert "zz.audit" in list(models)
    assert "zz_audit" not in sys.modules
    parse_config(CONFIG.replace("- name: NAME", ""), filters=models)
    assert "zz_audit" not in sys.modules


BROKEN = [
    ("raise SystemExit('bye')", "importing zz_audit:AUDIT fails with SystemExit: bye"),
    ("import zz_missing", "importing zz_audit:AUDIT fails with ModuleNotFoundError: No module named 'zz_missing'"),
    ("", "importing zz_audit:AUDIT fails with AttributeError: module 'zz_audit' has no attribute 'AUDIT'"),
    ("AUDIT = print", "zz_audit:AUDIT is no FilterType, but builtin_function_or_method"),
    (
        AUDIT.replace("zz.audit", "zz.other"),
        "zz_audit:AUDIT says that its name is 'zz.other'; register it by that name",
    ),
]


@pytest.mark.parametrize(("source", "reason"), BROKEN)
def test_a_filter_that_cannot_be_loaded_is_a_sentence_where_it_is_named(
    install: Install, source: str, reason: str
) -> None:
    install("zz_audit", source, {"zz.audit": "zz_audit:AUDIT"})
    sentence = f"filter 'zz.audit' cannot be loaded: {reason}"
    with pytest.raises(FilterLoadError) as caught:
        find_filter("zz.audit")
    assert str(caught.value) == sentence
    with pytest.raises(ConfigError) as found:
        parse_config(CONFIG.replace("NAME", "zz.audit"), file="f.yaml", filters=filter_models())
    assert str(found.value) == f"f.yaml:15:19: error: {PATH}: {sentence}"


def test_one_name_is_one_filter(install: Install) -> None:
    install("zz_one", AUDIT, {"zz.audit": "zz_one:AUDIT"})
    install("zz_two", AUDIT, {"zz.audit": "zz_two:AUDIT"})
    with pytest.raises(FilterLoadError, match="2 filters are registered by that name, zz_one:AUDIT and zz_two:AUDIT"):
        find_filter("zz.audit")


def test_a_project_cannot_take_the_name_of_one_of_ours(install: Install) -> None:
    name = next(iter(BUILT_IN))
    install("zz_audit", AUDIT, {name: "zz_audit:AUDIT"})
    with pytest.raises(FilterLoadError, match="2 filters are registered by that name"):
        filter_models()[name]


def test_a_name_nobody_has_is_a_finding_with_the_nearest(install: Install) -> None:
    install("zz_audit", AUDIT, {"zz.audit": "zz_audit:AUDIT"})
    with pytest.raises(ConfigError) as found:
        parse_config(CONFIG.replace("NAME", "zz.audits"), file="f.yaml", filters=filter_models())
    assert str(found.value).endswith("no filter is named 'zz.audits'; did you mean zz.audit?")
    with pytest.raises(KeyError):
        find_filter("zz.audits")
