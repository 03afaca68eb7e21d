{% set headers = cookiecutter.headers == "yes" %}
{% if cookiecutter.framing == "length" %}
"""The wire layout; every number is big-endian.

::

    0         1        2         4            8{% if headers %}          10         14
    +---------+--------+---------+------------+----------+----------+---------+------
    | version | status | command | request_id | head_len | body_len | headers | body
    | u8      | u8     | u16     | u32        | u16      | u32      |         |
    +---------+--------+---------+------------+----------+----------+---------+------
{% else %}          12
    +---------+--------+---------+------------+----------+------
    | version | status | command | request_id | body_len | body
    | u8      | u8     | u16     | u32        | u32      |
    +---------+--------+---------+------------+----------+------
{% endif %}
"""

from construct import Const, Default, Int8ub, Int16ub, Int32ub, this
from metaprotocol_sdk import Frame{% if headers %}, StringMap{% endif %}


FRAME = Frame(
    "version" / Const(1, Int8ub),
    "status" / Default(Int8ub, 0),
    "command" / Int16ub,
    "request_id" / Int32ub,
{% if headers %}
    "head_len" / Int16ub,
    "body_len" / Int32ub,
    length=this.head_len + this.body_len + 14,
{% else %}
    "body_len" / Int32ub,
    length=this.body_len + 12,
{% endif %}
    request_id=this.request_id,
    strings={"command": this.command},
{% if headers %}
    headers=StringMap(length=this.head_len, prefix=Int16ub),
{% endif %}
)
"""``length`` is the whole message's, the header included. Routes see ``command``{{ " and the headers" if headers }}."""
{% elif cookiecutter.framing == "varint" %}
"""The wire layout; every number is big-endian, and the varint is Protocol Buffers' (base 128, low bits first).

::

{% if headers %}
    +--------+---------+--------+---------+------------+----------+---------+------
    | length | version | status | command | request_id | head_len | headers | body
    | varint | u8      | u8     | u16     | u32        | u16      |         |
    +--------+---------+--------+---------+------------+----------+---------+------
             |<-------------------------- length bytes --------------------------->|
{% else %}
    +--------+---------+--------+---------+------------+------
    | length | version | status | command | request_id | body
    | varint | u8      | u8     | u16     | u32        |
    +--------+---------+--------+---------+------------+------
             |<---------------- length bytes ----------------->|
{% endif %}
"""

from construct import Const, Default, Int8ub, Int16ub, Int32ub, this
from metaprotocol_sdk import {% if headers %}StringMap, {% endif %}VarintFrame

FRAME = VarintFrame(
    "version" / Const(1, Int8ub),
    "status" / Default(Int8ub, 0),
    "command" / Int16ub,
    "request_id" / Int32ub,
{% if headers %}
    "head_len" / Int16ub,
{% endif %}
    request_id=this.request_id,
    strings={"command": this.command},
{% if headers %}
    headers=StringMap(length=this.head_len, prefix=Int16ub),
{% endif %}
)
"""The frame counts the message's bytes itself. Routes see ``command``{% if headers %} and the headers{% endif %}."""
{% else %}
"""The wire layout: one message is one line of UTF-8 words, and the body is the rest of the line.

::

    call 7 greet {% if headers %}stage=test;lang=en {% endif %}hello
    ok 7 greet {% if headers %}- {% endif %}v1: hello
    route_not_found 7 greet {% if headers %}- {% endif %}no matched route
{% if headers %}

A dash alone says that there are no headers.
{% endif %}
"""

from construct import this
from metaprotocol_sdk import DelimitedFrame{% if headers %}, TextMap{% endif %}


FRAME = DelimitedFrame(
    "kind",
    "id",
    "method",
    delimiter=b"\n",
    request_id=this.id,
    strings={"method": this.method},
{% if headers %}
    headers=TextMap(),
{% endif %}
)
"""``kind`` is ``call``, ``ok``, or the name of an error. Routes see ``method``{% if headers %} and the headers{% endif %}."""
{% endif %}
