"""What a filter is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from metaprotocol_sdk.errors import Error
from metaprotocol_sdk.proxy.stream import Stream

Verdict = Error | Awaitable[Error | None] | None
"""None: go on. An Error: the client gets it as its reply. An awaitable of either: the stream waits for it."""


class Filter:
    """One concern. Both hooks are plain functions; only one that must wait returns an awaitable, and only that costs
    a task.

    The request's strings are in ``stream.request``; ``stream.mutation`` and ``stream.response_mutation`` are for
    what the message's strings shall become. A filter keeps nothing of a stream after its reply has passed.
    """

    def on_request(self, stream: Stream) -> Verdict:  # noqa: ARG002  a default lets everything pass
        """Sees a request, oneways included, before the filters behind this one."""
        return None

    def on_response(self, stream: Stream) -> Verdict:  # noqa: ARG002  a default lets everything pass
        """Sees a reply, after the filters behind this one have: the server's in ``stream.response``, or a local one
        in ``stream.error``. An Error replaces it. Not called for a oneway, nor when this filter stopped the request.
        """
        return None


FilterFactory = Callable[[Any], Filter]
"""Makes a filter of the value its configuration model made."""
