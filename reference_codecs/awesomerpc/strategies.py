"""Valid messages and what they say, for the laws of conformance: a law draws some, decode must find what they say."""

from hypothesis import strategies as st

from metaprotocol_sdk import ResponseStatus
from metaprotocol_sdk.conformance import Sample, Subject
from reference_codecs.awesomerpc.codec import CODES, AwesomerpcCodec
from reference_codecs.awesomerpc.frame import AWESOMERPC

versions = st.just(1) | st.integers(-128, 127)
flows = st.integers(0, 2**32 - 1)
commands = st.integers(-(2**15), 2**15 - 1)
bodies = st.binary(max_size=64)
codes = st.sampled_from([0, *CODES.values()]) | st.integers(-(2**15), 2**15 - 1)


def message(version: int, flow: int, command: int, code: int, body: bytes) -> Sample:
    """One message, and what decode must find in it."""
    return Sample(
        AWESOMERPC.build(body, request_id=flow, version=version, req_cmd=command, rsp_code=code),
        strings={"cmd": str(command)},
        request_id=flow,
        operation_name=f"cmd/{command}",
        response_status=ResponseStatus.ERROR if code else ResponseStatus.OK,
    )


requests = st.builds(message, versions, flows, commands, st.just(0), bodies)
responses = st.builds(message, versions, flows, commands, codes, bodies)
subject = Subject(AwesomerpcCodec, requests=requests, responses=responses)
