from __future__ import annotations

import pytest

from metaprotocol_sdk.proxy.config.protocol import ApplicationProtocol, Codec
from tests.proxy.config.reading import WITH_IDS, WITHOUT_IDS, NoIdCodec, bad, good


def test_a_codec_is_found_and_its_configuration_kept_as_it_is_written() -> None:
    codec = good(Codec, f"{{name: '{WITHOUT_IDS}', config: {{max_message_size: 4096, shape: round}}}}")
    assert codec.name == WITHOUT_IDS
    assert codec.keyword_arguments() == {"max_message_size": 4096, "shape": "round"}


@pytest.mark.parametrize(
    "config",
    [
        "{'@type': type.googleapis.com/a.B, shape: round}",
        "{'@type': type.googleapis.com/udpa.type.v1.TypedStruct, type_url: x/a.B, value: {shape: round}}",
    ],
)
def test_a_configuration_may_say_its_type_as_envoys_do(config: str) -> None:
    assert good(Codec, f"{{name: '{WITHOUT_IDS}', config: {config}}}").keyword_arguments() == {"shape": "round"}
    assert good(Codec, f"{{name: '{WITH_IDS}', config: {{'@type': x}}}}").keyword_arguments() == {}


def test_a_codec_that_is_not_there_is_told_at_its_name() -> None:
    (finding,) = bad(Codec, "name: aeraki.meta_protocol.codec.nobody_has_this")
    assert finding.startswith("1:7 error name: no codec is named 'aeraki.meta_protocol.codec.nobody_has_this'; ")
    (finding,) = bad(Codec, "name: no_such_package:Codec")
    assert finding.startswith(
        "1:7 error name: codec 'no_such_package:Codec' cannot be loaded: importing no_such_package"
    )


@pytest.mark.parametrize(
    ("config", "refusal"),
    [
        ("{shape: square}", "{'shape': 'square'}: shape is 'square'; it is round"),
        ("{shape: broken}", "{'shape': 'broken'}: KeyError: 'broken'"),
        (
            "{max_message_size: 0}",
            "{'max_message_size': 0}: max_message_size is 0; it is a number of bytes, at least 1",
        ),
    ],
)
def test_a_configuration_is_tried_on_the_codec_and_refused_at_its_place(config: str, refusal: str) -> None:
    (finding,) = bad(Codec, f"name: '{WITHOUT_IDS}'\nconfig: {config}")
    assert finding.startswith(f"2:9 error config: codec '{WITHOUT_IDS}' cannot be loaded: ")
    assert finding.endswith(refusal)


def test_a_codec_that_needs_a_setting_says_so_at_its_name() -> None:
    (finding,) = bad(Codec, "name: 'tests.proxy.config.reading:NeedyCodec'")
    assert finding.startswith("1:7 error name: codec 'tests.proxy.config.reading:NeedyCodec' cannot be loaded: ")
    assert "'shape'" in finding


def test_a_configuration_is_a_mapping() -> None:
    assert bad(Codec, f"name: '{WITHOUT_IDS}'\nconfig: 5") == ["2:9 error config: expected a mapping, found 5"]


@pytest.mark.parametrize("key", ["maxMessageSize", "Max_Message_Size", "max_size"])
def test_the_keys_of_a_configuration_are_the_codecs_own_and_a_near_one_is_told(key: str) -> None:
    finding = f"2:10 error config.{key}: the codec has no setting '{key}'; did you mean max_message_size?"
    assert bad(Codec, f"name: '{WITH_IDS}'\nconfig: {{{key}: 1}}") == [finding]


def test_a_codec_that_takes_any_setting_judges_them_itself() -> None:
    (finding,) = bad(Codec, f"name: '{WITHOUT_IDS}'\nconfig: {{xyz: 1}}")
    assert "xyz" in finding


def test_a_setting_that_resembles_none_is_told_which_there_are() -> None:
    assert bad(Codec, f"name: '{WITH_IDS}'\nconfig: {{xyz: 1, abc: 2}}") == [
        "2:10 error config.xyz: the codec has no setting 'xyz'; it takes max_message_size",
        "2:18 error config.abc: the codec has no setting 'abc'; it takes max_message_size",
    ]


def test_a_protocol_has_a_name_and_says_whether_it_multiplexes() -> None:
    assert good(ApplicationProtocol, f"{{name: p, multiplexing: true, codec: {{name: '{WITH_IDS}'}}}}").multiplexing
    assert bad(ApplicationProtocol, "{multiplexing: yes}") == [
        "1:1 error name: required, and not there",
        "1:16 error multiplexing: expected true or false, found 'yes'",
    ]


class SizedCodec(NoIdCodec):
    """A codec with a setting of each simple type, and one of two."""

    def __init__(
        self,
        *,
        max_message_size: int = 9,
        strict: bool = True,
        ratio: float = 0.5,
        word: str = "w",
        either: int | str = 1,
    ) -> None:
        super().__init__()


@pytest.mark.parametrize(
    ("config", "finding"),
    [
        ("{max_message_size: 1MB}", "2:28 error config.max_message_size: expected a whole number, found '1MB'"),
        ("{max_message_size: 1.5}", "2:28 error config.max_message_size: expected a whole number, found 1.5"),
        ("{max_message_size: true}", "2:28 error config.max_message_size: expected a whole number, found true"),
        ("{strict: 'yes'}", "2:18 error config.strict: expected true or false, found 'yes'"),
        ("{ratio: x}", "2:17 error config.ratio: expected a number, found 'x'"),
        ("{word: 5}", "2:16 error config.word: expected text, found 5; put it in quotes"),
        ("{word: [a]}", "2:16 error config.word: expected text, found a list"),
    ],
)
def test_a_setting_of_another_type_is_told_at_its_place_in_no_words_of_python(config: str, finding: str) -> None:
    assert bad(Codec, f"name: 'tests.proxy.config.test_protocol:SizedCodec'\nconfig: {config}") == [finding]


@pytest.mark.parametrize("config", ["{ratio: 1}", "{either: x}", "{max_message_size: 5, strict: false, word: v}"])
def test_a_setting_of_its_type_or_of_a_type_that_cannot_be_told_reaches_the_codec(config: str) -> None:
    good(Codec, f"name: 'tests.proxy.config.test_protocol:SizedCodec'\nconfig: {config}")
