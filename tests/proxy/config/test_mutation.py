from __future__ import annotations

from metaprotocol_sdk.mutation import Mutation
from metaprotocol_sdk.proxy.config.mutation import KeyValue, mutation_of
from metaprotocol_sdk.proxy.config.route import Route
from tests.proxy.config.reading import bad, errors, good, read


def test_a_key_and_a_value_are_bounded_in_bytes() -> None:
    assert read(KeyValue, f"{{key: {'k' * 16384}, value: '{'é' * 8192}'}}")[1] == []
    assert bad(KeyValue, "{key: ''}") == ["1:7 error key: expected text that is not empty"]
    assert bad(KeyValue, f"{{key: {'k' * 16385}}}") == [
        "1:7 error key: expected at most 16384 bytes of UTF-8, found 16385"
    ]
    assert bad(KeyValue, f"{{key: k, value: {'é' * 8193}}}") == [
        "1:17 error value: expected at most 16384 bytes of UTF-8, found 16386"
    ]


def test_a_mutation_makes_at_most_a_thousand_changes_and_as_many_removals() -> None:
    changes = ", ".join(f"{{key: k{index}}}" for index in range(1000))
    removals = ", ".join(f"r{index}" for index in range(1000))
    text = "{{route: {{cluster: c}}, request_mutation: [{}], request_headers_to_remove: [{}]}}"
    route, findings = read(Route, text.format(changes, removals))
    assert route is not None
    assert errors(findings) == []
    assert len(route.value().request_mutation) == 2000
    findings = bad(Route, text.format(changes + ", {key: one}", removals + ", one"))
    assert errors(findings) == [
        "request_mutation: expected a list of at most 1000, found a list",
        "request_headers_to_remove: expected a list of at most 1000, found a list",
    ]


def test_a_key_to_remove_is_text_that_is_not_empty_and_bounded() -> None:
    findings = bad(Route, f"{{route: {{cluster: c}}, response_headers_to_remove: ['', 5, {'k' * 16385}]}}")
    assert [each.split(" ", 1)[1] for each in findings[1:]] == [
        "error response_headers_to_remove[0]: expected text that is not empty",
        "error response_headers_to_remove[1]: expected text, found 5; put it in quotes",
        "error response_headers_to_remove[2]: expected at most 16384 bytes of UTF-8, found 16385",
    ]


def test_what_is_removed_and_set_is_set() -> None:
    changes = [good(KeyValue, "{key: A, value: v}"), good(KeyValue, "{key: c}")]
    assert mutation_of(changes, ["a", "b"]) == Mutation({"A": "v", "b": None, "c": ""})
    assert not mutation_of([], [])
