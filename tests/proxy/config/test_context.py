from __future__ import annotations

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.exceptions import FilterLoadError
from metaprotocol_sdk.proxy.config.bootstrap import Node
from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.document import read_document
from metaprotocol_sdk.proxy.config.extension import FilterModel
from metaprotocol_sdk.proxy.config.report import Report
from metaprotocol_sdk.proxy.config.tree import Place
from tests.helpers import TinyCodec
from tests.proxy.config.reading import WITH_IDS, said


def context() -> Context:
    return Context(Report("f.yaml"), {})


def test_what_cannot_be_validated_is_none_and_in_the_report() -> None:
    here = context()
    assert here.validate(Node, read_document("id: a", here.report)) == Node(id="a")
    assert here.validate(Node, read_document("id: 5", here.report)) is None
    assert said(here.report.findings) == ["1:5 error id: expected text, found 5; put it in quotes"]


def test_a_name_is_taken_once_among_its_kind() -> None:
    here = context()
    here.claim("listener name", "a", Place(3, 1, "x"))
    here.claim("cluster name", "a", Place(4, 1, "y"))
    here.claim("listener name", "a", Place(5, 1, "z"))
    here.claim("listener name", "a", Place(6, 1, "w"))
    assert said(here.report.findings) == [
        "5:1 error z: the listener name 'a' is taken already, at line 3",
        "6:1 error w: the listener name 'a' is taken already, at line 3",
    ]


def test_a_cluster_may_be_named_before_it_is_defined_and_must_be_in_the_end() -> None:
    here = context()
    for index, name in enumerate(("later", "lather", "unrelated")):
        here.refer_to_cluster(read_document("\n" * index + f"cluster: {name}", here.report), "cluster")
    here.claim("cluster name", "later", Place(9, 1, ""))
    here.check_references()
    nowhere = "so requests that go there get an error reply"
    assert said(here.report.findings) == [
        f"2:10 warning cluster: no cluster is named 'lather', {nowhere}; did you mean 'later'?",
        f"3:10 warning cluster: no cluster is named 'unrelated', {nowhere}",
    ]


def test_what_is_no_name_is_not_looked_up() -> None:
    here = context()
    here.refer_to_cluster(read_document("cluster: [5]", here.report), "cluster")
    here.check_references()
    assert here.report.findings == ()


def test_a_codec_is_a_class_or_the_reason_there_is_none() -> None:
    here = context()
    found = here.codec(WITH_IDS)
    assert isinstance(found, type)
    assert issubclass(found, Codec)
    assert found is TinyCodec
    assert "no codec is named 'nobody_has_this'" in str(here.codec("nobody_has_this"))
    assert here.codec("nobody_has_this") is here.codec("nobody_has_this")


def test_how_a_filter_is_configured_is_asked_once_and_a_failure_is_a_sentence() -> None:
    asked = []

    class Filters(dict[str, FilterModel]):
        def get(self, name: str, default: object = None) -> FilterModel | None:  # type: ignore[override]
            asked.append(name)
            if name == "broken":
                raise FilterLoadError(name, "it is broken")
            return self["there"] if name == "there" else None

    model = FilterModel("there", "type.googleapis.com/test.There")
    here = Context(Report("f.yaml"), Filters(there=model))
    for _ in range(2):
        assert here.filter_model("there") is model
        assert here.filter_model("broken") == "filter 'broken' cannot be loaded: it is broken"
    assert asked == ["there", "broken"]
    assert here.filter_model("missing") is None
