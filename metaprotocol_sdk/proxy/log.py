"""The proxy's own log: one line a record, text or JSON, to standard error.

It says what the proxy does and what goes wrong, with names, sizes and ids. It never writes a message's contents; only
the sentence of an error may quote the value it is about. What happened to each request is the access log's matter.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from metaprotocol_sdk.errors import one_line

LOGGER_NAME = "metaprotocol.proxy"
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")

REPEAT_BURST = 5
"""How often one warning is said in :data:`REPEAT_WINDOW` before it is only counted."""
REPEAT_WINDOW = 60.0
"""Seconds."""
MOST_KINDS = 1000
"""How many kinds of warnings are remembered; those not said in the last window are forgotten first."""


class RepeatFilter(logging.Filter):
    """Lets a repeated warning or error through a few times a minute; the next one let through says how many were not.

    Records are the same when their text before formatting is, so a thousand clients that send garbage make one
    repeated warning, not a thousand different ones.

    Args:
        now: The clock, in seconds.
        burst: How many of a kind are let through in one window.
        window: Seconds.
    """

    def __init__(self, now: Callable[[], float], *, burst: int = REPEAT_BURST, window: float = REPEAT_WINDOW) -> None:
        super().__init__()
        self._now = now
        self._burst = burst
        self._window = window
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; sets ``record.suppressed`` to how many of its kind were not."""
        record.suppressed = 0
        if record.levelno < logging.WARNING:
            return True
        kind = str(record.msg)
        now = self._now()
        if len(self._seen) >= MOST_KINDS and kind not in self._seen:
            self._forget(now)
        start, count = self._seen.get(kind, (now, 0))
        if now - start >= self._window:
            record.suppressed = max(0, count - self._burst)
            start, count = now, 0
        self._seen[kind] = (start, count + 1)
        return count < self._burst

    def _forget(self, now: float) -> None:
        recent = {kind: seen for kind, seen in self._seen.items() if now - seen[0] < self._window}
        self._seen = recent if len(recent) < MOST_KINDS else {}


class TextFormatter(logging.Formatter):
    """``2026-01-31T12:00:00.000Z warning the text``: one line, whatever the text holds. A worker's text has its number
    before it.

    Args:
        worker: Which process of a proxy of several writes, from 1; None: the only one, or the parent.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._prefix = "" if worker is None else f"worker {worker}: "

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, without its end."""
        return f"{_time(record)} {record.levelname.lower()} {self._prefix}{_text(record)}"


class JsonFormatter(logging.Formatter):
    """``{"time": ..., "level": ..., "logger": ..., "message": ...}``, a worker's with ``worker``.

    Args:
        worker: Which process of a proxy of several writes, from 1; None: the only one, or the parent.
    """

    def __init__(self, worker: int | None = None) -> None:
        super().__init__()
        self._fields: dict[str, object] = {} if worker is None else {"worker": worker}

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, without its end."""
        fields: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            **self._fields,
            "message": _text(record),
        }
        return json.dumps(fields, ensure_ascii=False)


def configure(
    *,
    form: str = "text",
    level: str = "info",
    stream: TextIO,
    now: Callable[[], float],
    worker: int | None = None,
) -> logging.Handler:
    """Makes the proxy's logger write to ``stream``; a handler that an earlier call added is replaced.

    Args:
        form: One of :data:`FORMATS`.
        level: One of :data:`LEVELS`; what is less grave is not written.
        stream: Where lines go.
        now: The clock repeated warnings are limited by, in seconds.
        worker: Which process of a proxy of several this is, from 1; None: the only one, or the parent.

    Raises:
        ValueError: ``form`` or ``level`` is none of those.
    """
    if form not in FORMATS or level not in LEVELS:
        raise ValueError(f"the log takes a form of {FORMATS} and a level of {LEVELS}, not {form!r} and {level!r}")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(worker) if form == "json" else TextFormatter(worker))
    handler.addFilter(RepeatFilter(now))
    logger = logging.getLogger(LOGGER_NAME)
    logger.handlers = [handler]
    logger.setLevel(level.upper())
    logger.propagate = False
    return handler


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _text(record: logging.LogRecord) -> str:
    text = one_line(record.getMessage())
    if record.exc_info and record.exc_info[1] is not None:
        text += " | " + _origin(record.exc_info[1])
    suppressed = getattr(record, "suppressed", 0)
    return f"{text} ({suppressed} more like this in the last minute)" if suppressed else text


def _origin(error: BaseException) -> str:
    """Where an exception was raised: what a codec's author needs, without the values a traceback may quote."""
    trace = error.__traceback__
    places = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return f"{type(error).__name__} at {' < '.join(reversed(places[-4:]))}"
