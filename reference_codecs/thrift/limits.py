"""What one message may cost its reader."""

from __future__ import annotations

from dataclasses import dataclass, fields

from reference_codecs.thrift.runs import LEVELS, MAX_CONTAINER, MAX_STRING

MAX_DEPTH = 256
"""What ``max_depth`` may be at most: writing a body in another protocol recurses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The bounds every reader of this codec keeps.

    Args:
        message_size: Bytes of a message with its framing.
        string_size: Bytes of one string or binary value of an unframed message; in JSON, as it is written.
        container_size: Elements of one list, set or map of an unframed message.
        depth: How deep structs and containers may nest, the struct of a method's arguments being 1.
        header_size: Bytes of a header block.
        headers: Pairs in a header block.
        decompressed_size: Bytes of a payload once it is decompressed.

    Raises:
        ValueError: One is not a positive number.
    """

    message_size: int
    string_size: int
    container_size: int
    depth: int
    header_size: int
    headers: int
    decompressed_size: int

    @property
    def runs_up_to(self) -> int:
        """The deepest struct in which no value that a run passes can be over a limit; 0: there is none."""
        small = self.string_size >= MAX_STRING and self.container_size >= MAX_CONTAINER
        return self.depth - LEVELS if small else 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value < 1:
                raise ValueError(f"max_{field.name} is {value}; it is a number, at least 1")
        if self.depth > MAX_DEPTH:
            raise ValueError(f"max_depth is {self.depth}; it is at most {MAX_DEPTH}")
        if self.header_size > 0xFFFF * 4:
            raise ValueError(f"max_header_size is {self.header_size}; a header block has at most {0xFFFF * 4} bytes")
