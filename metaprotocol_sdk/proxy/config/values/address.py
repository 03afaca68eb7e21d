"""Where something listens: ``envoy.config.core.v3.Address``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Address:
    """``envoy.config.core.v3.SocketAddress``."""

    host: str
    port: int

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same every time it is listened on: port 0 is a free one."""
        return self.port != 0

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class PipeAddress:
    """``envoy.config.core.v3.Pipe``: a Unix socket.

    Args:
        path: Its file; with ``@`` before it, a name of Linux's abstract namespace, which is no file.
        mode: The file's permissions, where something listens there; 0: what the process's umask leaves. It is not
            where the socket is, so that an address with another is the same one.
    """

    path: str
    mode: int = field(default=0, compare=False)

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same every time it is listened on."""
        return True

    @property
    def is_abstract(self) -> bool:
        """Whether it is a name and no file."""
        return self.path.startswith("@")

    @property
    def name(self) -> str:
        """What a socket is bound or connected to."""
        return "\0" + self.path[1:] if self.is_abstract else self.path

    def __str__(self) -> str:
        return self.path


AnyAddress = Address | PipeAddress
"""Where something listens."""


class Bound(NamedTuple):
    """Where a listener listens: the host, and the port the kernel chose when the configuration says 0.

    A Unix socket has its path for a host, and port 0.
    """

    host: str
    port: int

    @property
    def address(self) -> AnyAddress:
        """The same as an address."""
        return Address(self.host, self.port) if self.port else PipeAddress(self.host)

    def __str__(self) -> str:
        return str(self.address)
