"""JVM descriptors of parameter types: ``Ljava/lang/String;[IZ`` are three.

From The Java Virtual Machine Specification, 4.3 and 4.11.
"""

from __future__ import annotations

import re

_TYPE = re.compile(r"\[*(?:[VZBCDFIJS]|L[^;\[]+;)")


MAX_PARAMETERS = 255
"""What a method has at most."""


def count_parameters(descriptor: str) -> int:
    """How many parameters a descriptor names.

    Raises:
        ValueError: It is none, or of more than a method has.
    """
    count = at = 0
    while at < len(descriptor):
        found = _TYPE.match(descriptor, at)
        if found is None:
            raise ValueError(f"{descriptor[at : at + 40]!r} begins no JVM type descriptor")
        at = found.end()
        count += 1
        if count > MAX_PARAMETERS:
            raise ValueError(f"it names more than {MAX_PARAMETERS} parameters")
    return count
