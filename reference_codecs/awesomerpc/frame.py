"""The wire layout of awesomerpc.

From MetaProtocol's awesomerpc scaffold (``awesomerpc_protocol.h``); every number is big-endian::

    0        1           5           9         11         13
    +--------+-----------+-----------+---------+----------+------
    |version | pack_flow | pack_len  | req_cmd | rsp_code | body
    | i8     | u32       | u32       | i16     | i16      |
    +--------+-----------+-----------+---------+----------+------
               request id  whole message
"""

from construct import Default, Int8sb, Int16sb, Int32ub, this

from metaprotocol_sdk import Frame

AWESOMERPC = Frame(
    "version" / Default(Int8sb, 1),
    "pack_flow" / Int32ub,
    "pack_len" / Int32ub,
    "req_cmd" / Int16sb,
    "rsp_code" / Default(Int16sb, 0),
    length=this.pack_len,
    request_id=this.pack_flow,
    strings={"cmd": this.req_cmd},
)
"""A body is opaque, and there are no headers: a mutation can write ``cmd`` and nothing else."""
