"""The time a request itself gives its server: ``Codec.deadline``."""

from __future__ import annotations

import math
from collections.abc import Callable

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.exceptions import UNCONTRACTED, CodecBug, CodecError
from metaprotocol_sdk.metadata import Metadata


def deadline_of(codec: Codec) -> Callable[[Metadata], float | None] | None:
    """What says the seconds a request of this protocol may take; None: none of them says any.

    What is returned raises CodecError: strings the request's codec had put off are malformed, or the codec is broken.
    """
    if type(codec).deadline is Codec.deadline:
        return None  # asked once, not for every request

    def deadline(request: Metadata) -> float | None:
        try:
            seconds = codec.deadline(request)
            is_number = seconds is None or not math.isnan(seconds)
        except CodecError:
            raise
        except UNCONTRACTED as error:
            raise CodecBug.from_exception(codec.name, "deadline", error) from error
        if not is_number:
            raise CodecBug(codec.name, "deadline", f"returned {seconds!r}; it returns seconds or None")
        if seconds is None or seconds == math.inf:  # no timer waits for ever
            return None
        return max(seconds, 0.0)

    return deadline
