"""Names to codecs, with real installed projects: a ``.dist-info`` folder and a module on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metaprotocol_sdk import registry
from metaprotocol_sdk.codec import CODEC_API, Codec
from metaprotocol_sdk.exceptions import CodecLoadError, CodecNotFound
from metaprotocol_sdk.registry import check_config, codec_names, find_codec, load_codec, registrations
from tests.helpers import TinyCodec

RIGHT = """
from tests.helpers import TinyCodec

class Codec(TinyCodec):
    name = "{name}"
    def __init__(self, *, flavour="plain", max_message_size=1024):
        super().__init__(max_message_size=max_message_size)
        if flavour == "unknown":
            raise ValueError("flavour is plain or sweet")
        if flavour == "broken":
            raise KeyError(flavour)
        self.flavour = flavour
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a project that registers codecs: ``install("my_proto", source, my_proto="my_proto:Codec")``."""
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def put(project: str, source: str, /, **points: str) -> None:
        (tmp_path / f"{project}.py").write_text(source)
        info = tmp_path / f"{project}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.2\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{registry.GROUP}]", *lines]) + "\n")

    yield put
    for name in set(sys.modules) - before:
        del sys.modules[name]


def right(name: str) -> str:
    return RIGHT.format(name=name)


@pytest.mark.parametrize(
    "name",
    [
        "zz_proto",
        "zz-proto",
        "ZZProto",
        "aeraki.meta_protocol.codec.zz_proto",
        "aeraki.meta_protocol.codec.zzproto",
        "zz_proto:Codec",
    ],
)
def test_one_codec_is_found_by_every_name_it_has(install: Install, name: str) -> None:
    install("zz_proto", right("zz_proto"), zz_proto="zz_proto:Codec")
    assert find_codec(name).name == "zz_proto"
    assert load_codec(name).name == "zz_proto"


def test_listing_names_imports_nothing(install: Install) -> None:
    install("zz_proto", "raise SystemExit('imported')", zz_proto="zz_proto:Codec")
    assert "zz_proto" in codec_names()
    assert codec_names() == sorted(codec_names())
    assert "zz_proto" not in sys.modules


def test_configuration_is_the_codecs_keyword_arguments(install: Install) -> None:
    install("zz_proto", right("zz_proto"), zz_proto="zz_proto:Codec")
    codec = load_codec("zz_proto", flavour="sweet", max_message_size=64)
    assert vars(codec)["flavour"] == "sweet"
    assert codec.max_message_size == 64


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"flavor": "x"},
            "its configuration does not fit: .*unexpected keyword argument 'flavor'.*takes flavour, max_message_size",
        ),
        ({"flavour": "unknown"}, "it refuses its configuration .*: flavour is plain or sweet"),
        ({"flavour": "broken"}, "it refuses its configuration .*: KeyError: 'broken'"),
        ({"max_message_size": 0}, "it refuses its configuration .*: max_message_size is 0"),
        ({"max_message_size": "big"}, "it refuses its configuration .*: '<' not supported"),
    ],
)
def test_configuration_that_does_not_fit_is_a_sentence(install: Install, config: dict[str, object], says: str) -> None:
    install("zz_proto", right("zz_proto"), zz_proto="zz_proto:Codec")
    with pytest.raises(CodecLoadError, match=f"codec 'zz_proto' cannot be loaded: {says}"):
        load_codec("zz_proto", **config)


class Strict(TinyCodec):
    def __init__(self, *, secret: str) -> None:
        super().__init__()
        self.secret = secret


class Plain(TinyCodec):
    def __init__(self) -> None:
        super().__init__()


def test_configuration_can_be_checked_without_making_a_codec() -> None:
    check_config("strict", Strict, {"secret": "x"})
    with pytest.raises(CodecLoadError, match=r"missing a required .*argument: 'secret'; it takes secret"):
        check_config("strict", Strict, {})
    with pytest.raises(CodecLoadError, match="unexpected keyword argument 'x'; it takes none"):
        check_config("plain", Plain, {"x": 1})


def test_an_unknown_name_answers_with_the_nearest(install: Install) -> None:
    install("zz_proto", right("zz_proto"), zz_proto="zz_proto:Codec")
    with pytest.raises(CodecNotFound, match="no codec is named 'zz_prot'; did you mean 'zz_proto'"):
        load_codec("zz_prot")


def test_an_unknown_name_like_no_other_lists_what_there_is(install: Install) -> None:
    install("zz_proto", right("zz_proto"), zz_proto="zz_proto:Codec")
    with pytest.raises(CodecNotFound, match=r"registered are .*zz_proto.* named as module:Class") as caught:
        load_codec("qqqqqqqqqqqq")
    assert "zz_proto" in caught.value.known
    with pytest.raises(CodecNotFound):
        load_codec("")


BROKEN = {
    "import fails": ("import no_such_library_at_all", "fails with ModuleNotFoundError: No module named"),
    "import raises": ("1 / 0", "fails with ZeroDivisionError: division by zero"),
    "import exits": ("raise SystemExit(1)", "fails with SystemExit: 1"),
    "syntax": ("def", "fails with SyntaxError"),
    "no such class": ("", "fails with AttributeError: .*'Codec'"),
    "no class": ("Codec = 3", "zz_bad:Codec is not a subclass of metaprotocol_sdk.Codec"),
    "another class": ("class Codec: pass", "zz_bad:Codec is not a subclass of metaprotocol_sdk.Codec"),
    "abstract": (
        "import metaprotocol_sdk.codec as m\nclass Codec(m.Codec): name = 'x'",
        "zz_bad:Codec lacks decode, encode, on_error",
    ),
    "another contract": (
        f"from tests.helpers import TinyCodec\nclass Codec(TinyCodec): api = {CODEC_API + 1}",
        f"was written for version {CODEC_API + 1} of the codec contract and this SDK has {CODEC_API}; install matching",
    ),
    "no name": (
        "from tests.helpers import TinyCodec\nclass Codec(TinyCodec): name = None",
        'zz_bad:Codec has no name; give the class a `name = "..."`',
    ),
}


@pytest.mark.parametrize(("source", "says"), BROKEN.values(), ids=list(BROKEN))
def test_a_broken_codec_says_why_and_does_not_hide_the_others(install: Install, source: str, says: str) -> None:
    install("zz_bad", source, zz_bad="zz_bad:Codec")
    install("zz_good", right("zz_good"), zz_good="zz_good:Codec")
    with pytest.raises(CodecLoadError, match=says):
        find_codec("zz_bad")
    assert find_codec("zz_good").name == "zz_good"
    found = {each.name: each for each in registrations()}
    assert found["zz_bad"].codec is None
    assert found["zz_bad"].problem
    assert (found["zz_bad"].target, found["zz_bad"].distribution) == ("zz_bad:Codec", "zz_bad 1.2")
    assert found["zz_good"].codec is find_codec("zz_good")
    assert found["zz_good"].problem == ""


def test_two_projects_with_one_name_are_told_apart_by_uninstalling(install: Install) -> None:
    install("zz_one", right("same"), zz_same="zz_one:Codec")
    install("zz_two", right("same"), **{"zz-same": "zz_two:Codec"})
    with pytest.raises(CodecLoadError, match="2 installed projects register it, as zz_one:Codec and zz_two:Codec"):
        find_codec("zz_same")
    assert [each.target for each in registrations() if each.name in ("zz_same", "zz-same")] != []


def test_the_same_target_registered_twice_is_one_codec(install: Install) -> None:
    install("zz_one", right("same"), zz_same="zz_one:Codec")
    install("zz_two", "", zz_same="zz_one:Codec")
    assert find_codec("zz_same").name == "same"


@pytest.mark.parametrize("target", ["no_such_module:Codec", "tests.helpers:", ":Codec", "tests.helpers:NoSuch", ":"])
def test_a_target_that_leads_nowhere_is_a_sentence(target: str) -> None:
    with pytest.raises(CodecLoadError, match=f"codec '{target}' cannot be loaded: importing {target} fails with "):
        find_codec(target)


def test_a_module_that_is_not_there_comes_with_what_to_do(install: Install) -> None:
    advice = "No module named 'zz_gone'; install the project it is in, or add its folder to PYTHONPATH"
    with pytest.raises(CodecLoadError, match=advice):
        find_codec("zz_gone.codec:Codec")
    install("zz_needy", "import zz_gone")
    with pytest.raises(CodecLoadError, match=r"No module named 'zz_gone'$"):
        find_codec("zz_needy:Codec")


def test_a_target_may_name_a_nested_class(install: Install) -> None:
    install("zz_nest", "import tests.helpers\nclass Outer:\n    class Codec(tests.helpers.TinyCodec): pass")
    assert issubclass(find_codec("zz_nest:Outer.Codec"), Codec)
