"""The admin interface: ``envoy.config.bootstrap.v3.Admin``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from metaprotocol_sdk.proxy.config.context import Context
from metaprotocol_sdk.proxy.config.endpoint import Address
from metaprotocol_sdk.proxy.config.listener import claim_address
from metaprotocol_sdk.proxy.config.message import Message, not_yet, without_effect
from metaprotocol_sdk.proxy.config.tree import Entries
from metaprotocol_sdk.proxy.config.values import AnyAddress


class Admin(Message):
    """``envoy.config.bootstrap.v3.Admin``: where operators ask. It is read when the proxy starts, not at a reload."""

    refused = not_yet("socket_options", "allow_paths")
    ignored: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("access_log", "access_log_path"), "accepted; what is changed there is in the proxy's log alone"
        ),
        **without_effect("profile_path", "ignore_global_conn_limit"),
    }

    address: Address | None = None
    """Where it listens; not given: there is none. Who can connect there can stop the proxy: `127.0.0.1`, if you can."""

    @classmethod
    def inspect(cls, fields: Entries, context: Context) -> None:
        """Claims the address, and says so when others than this machine may reach it."""
        address = claim_address(fields, context)
        if address is not None and not address.is_loopback:
            problem = "not only this machine may reach it, and whoever does can stop the proxy; local: 127.0.0.1 or ::1"
            context.report.note(fields.child("address").child("socket_address").value_place("address"), problem)

    def value(self) -> AnyAddress | None:
        """What the runtime reads: its address, or None."""
        return None if self.address is None else self.address.value()
