{% set headers = cookiecutter.headers == "yes" %}
{% set text = cookiecutter.framing == "text" %}
{% set op = cookiecutter.__operation %}
"""Valid messages and what they say, for the laws of conformance: a law draws some, decode must find what they say."""

from hypothesis import strategies as st
from metaprotocol_sdk import ResponseStatus
from metaprotocol_sdk.conformance import Sample, Subject

from .codec import {{ "" if text else "STATUS, " }}{{ cookiecutter.__title }}Codec
from .frame import FRAME

ids = st.integers(0, 2**{{ "63" if text else "32" }} - 1)
{% if text %}
methods = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=12)
bodies = st.binary(max_size=64).map(lambda body: body.replace(b"\n", b""))
outcomes = st.sampled_from(["ok", "route_not_found", "unspecified"])
{% else %}
commands = st.integers(0, 2**16 - 1)
bodies = st.binary(max_size=64)
outcomes = st.sampled_from([0, *STATUS.values()])
{% endif %}
{% if headers and text %}
values = st.text(st.characters(codec="utf-8", exclude_characters=" ;\n"), max_size=16)
headers = st.dictionaries(st.text("abcdefgh-", min_size=1, max_size=8), values, max_size=3)
{% elif headers %}
headers = st.dictionaries(st.text("abcdefgh-", max_size=8), st.text(max_size=16), max_size=3)
{% endif %}


def message({{ "method: str" if text else "command: int" }}, request_id: int, body: bytes, {{ "headers: dict[str, str], " if headers }}{{ "kind: str" if text else "status: int" }}) -> Sample:
    """One message, and what decode must find in it."""
    return Sample(
        FRAME.build(body, {{ "headers=headers, " if headers }}request_id=request_id, {{ "method=method, kind=kind" if text else "command=command, status=status" }}),
{% if headers %}
        strings={"{{ op }}": {{ "method" if text else "str(command)" }}, **headers},
{% else %}
        strings={"{{ op }}": {{ "method" if text else "str(command)" }}},
{% endif %}
        request_id=request_id,
        operation_name={{ "method" if text else 'f"command/{command}"' }},
        response_status=ResponseStatus.{{ 'OK if kind in ("call", "ok") else ResponseStatus.ERROR' if text else "ERROR if status else ResponseStatus.OK" }},
    )


requests = st.builds(message, {{ op }}s, ids, bodies, {{ "headers, " if headers }}st.just({{ '"call"' if text else "0" }}))
responses = st.builds(message, {{ op }}s, ids, bodies, {{ "headers, " if headers }}outcomes)
subject = Subject({{ cookiecutter.__title }}Codec, requests=requests, responses=responses)
