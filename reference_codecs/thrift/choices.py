"""What a configuration chose of transports and protocols."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from metaprotocol_sdk import DecodeError
from reference_codecs.thrift.binary import BINARY
from reference_codecs.thrift.compact import COMPACT
from reference_codecs.thrift.frame import Transport
from reference_codecs.thrift.json_protocol import JSON
from reference_codecs.thrift.protocol import Form, Protocol

_T = TypeVar("_T")

_TRANSPORTS = {str(each): each for each in Transport}
_PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (BINARY, COMPACT, JSON)}
_TARGETS: dict[str, Protocol] = {each.name: each for each in (BINARY, COMPACT)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The chosen ones; None where nothing was.

    Args:
        transport: What peers speak.
        protocol: The name of what peers speak.
        upstream_transport: What servers are spoken to in.
        upstream_protocol: What servers are spoken to in.
    """

    transport: Transport | None
    protocol: Protocol | None
    upstream_transport: Transport | None
    upstream_protocol: Protocol | None

    @classmethod
    def parse(cls, *, transport: str, protocol: str, upstream_transport: str, upstream_protocol: str) -> Choices:
        """The choices of a configuration's texts.

        Raises:
            ValueError: One of them is not on offer.
        """
        return cls(
            transport=_chosen("transport", transport, _TRANSPORTS, "auto"),
            protocol=_chosen("protocol", protocol, _PROTOCOLS, "auto"),
            upstream_transport=_chosen("upstream_transport", upstream_transport, _TRANSPORTS, "same"),
            upstream_protocol=_chosen("upstream_protocol", upstream_protocol, _TARGETS, "same"),
        )

    @property
    def rewrites(self) -> bool:
        """Whether servers are spoken to otherwise than clients speak."""
        return self.upstream_transport is not None or self.upstream_protocol is not None

    def takes(self, form: Form, *, is_reply: bool) -> bool:
        """Whether a message may be of these. Replies are bound only where servers are spoken to as clients speak."""
        if is_reply and self.rewrites:
            return True
        wanted = self.protocol
        return self.transport in (None, form.transport) and (wanted is None or wanted.name == form.protocol.name)

    def check(self, form: Form, *, is_reply: bool) -> None:
        """Refuses what :meth:`takes` does not.

        Raises:
            DecodeError: Another transport or protocol was configured.
        """
        if not self.takes(form, is_reply=is_reply):
            names = (self.transport, self.protocol.name if self.protocol else None)
            wanted = " ".join(name for name in names if name is not None)
            raise DecodeError(
                f"the message is {form.transport} {form.protocol.name} and the codec is configured for {wanted}",
                path="transport",
                offset=0,
            )


def _chosen(name: str, value: str, choices: dict[str, _T], nothing: str) -> _T | None:
    if value == nothing:
        return None
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; it is one of {', '.join([nothing, *choices])}")
    return choices[value]
