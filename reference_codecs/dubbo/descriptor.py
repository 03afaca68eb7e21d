"""JVM descriptors of parameter types: ``Ljava/lang/String;[IZ`` are three.

From The Java Virtual Machine Specification, 4.3.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"\[*(?:[VZBCDFIJS]|L[^;\[]+;)")


def count_parameters(descriptor: str) -> int:
    """How many parameters a descriptor names.

    Raises:
        ValueError: It is none.
    """
    count = at = 0
    while at < len(descriptor):
        found = _TYPE.match(descriptor, at)
        if found is None:
            raise ValueError(f"{descriptor[at : at + 40]!r} begins no JVM type descriptor")
        at = found.end()
        count += 1
    return count
