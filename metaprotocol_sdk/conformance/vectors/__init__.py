"""Golden vectors: bytes that other software made, with what they are known to say.

A file holds the vectors of one codec, as YAML or as JSON (``docs/reference/golden-vectors.md``)::

    schema_version: 1
    codec: awesomerpc
    provenance: captured from the C++ client, version 1.2
    vectors:
      - name: hello
        direction: request
        hex: |
          01                # version
          00 00 00 07       # pack_flow
          00 00 00 12       # pack_len
          00 01 00 00       # req_cmd, rsp_code
          68 65 6c 6c 6f    # body
        expect: {request_id: 7, operation_name: cmd/1, strings: {cmd: 1}}
        encode: {request_id: 8, hex: 01 00000008 00000012 0001 0000 68656c6c6f}

The suite holds a codec to each of them, under the name ``file::name``.
"""

from metaprotocol_sdk.conformance.laws.agreeing import VECTOR_MARK, agrees_with_its_vector, vector_check
from metaprotocol_sdk.conformance.vectors.judge import run_vectors, verify_vector
from metaprotocol_sdk.conformance.vectors.places import files_in, vectors_of
from metaprotocol_sdk.conformance.vectors.reader import VectorFile, load_vectors, parse_vectors
from metaprotocol_sdk.conformance.vectors.recorder import add_vector, describe_bytes
from metaprotocol_sdk.conformance.vectors.vector import Vector

__all__ = [
    "VECTOR_MARK",
    "Vector",
    "VectorFile",
    "add_vector",
    "agrees_with_its_vector",
    "describe_bytes",
    "files_in",
    "load_vectors",
    "parse_vectors",
    "run_vectors",
    "vector_check",
    "vectors_of",
    "verify_vector",
]
