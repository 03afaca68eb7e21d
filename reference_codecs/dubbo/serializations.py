"""Every serialization by its id in the flags."""

from __future__ import annotations

from reference_codecs.dubbo.frame import HESSIAN2
from reference_codecs.dubbo.hessian import Hessian
from reference_codecs.dubbo.hessian2 import Limits
from reference_codecs.dubbo.java_stream import JavaStream
from reference_codecs.dubbo.json_lines import JsonLines
from reference_codecs.dubbo.jsonb import Jsonb
from reference_codecs.dubbo.serialization import Opaque, Serialization


def serializations(limits: Limits) -> tuple[Serialization, ...]:
    """All of them, by id; those that nothing is known of pass through unread.

    Args:
        limits: What walking a body in hessian2 may cost.
    """
    read: dict[int, Serialization] = {
        HESSIAN2: Hessian("hessian2", limits),
        3: JavaStream(3, has_lengths=True),
        4: JavaStream(4, has_lengths=True),
        6: JsonLines("fastjson"),
        7: JavaStream(7, has_lengths=False),
        10: Hessian("native-hessian", limits),
        16: JsonLines("gson"),
        23: Jsonb(23),
    }
    return tuple(read.get(number) or Opaque(number) for number in range(32))
