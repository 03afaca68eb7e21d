"""Hessian 2.0 serialization as Apache Dubbo's hessian-lite reads and writes it.

Walking, which is what a codec does on its way to the attachments:

* ``Walker(data, position=0, end=None, *, limits=LIMITS)``; ``data`` is ``bytes``. It keeps the tables that references,
  classes and types need, so it is what a deferred loader holds: walk the head, keep the walker, go on later. Strings
  and numbers bring nothing to the tables, so they may be passed by hand and the walker be made after them.

  * ``.position``, ``.end``, ``.is_at_end``, ``.tag`` (the next value's first byte, -1 at the end; 0x8f is the int -1)
  * ``.skip() -> None``: passes one value of any kind
  * ``.read_string() -> str | None``: a string or null; ``.read_int() -> int``
  * ``.read_strings() -> dict[str, str]``: passes a map (typed or not), a reference to an earlier map, or null, and
    gives the entries whose key and value are strings; of equal keys the last one, as in Java
  * ``.read_map() -> WalkedMap | None``: the same, with every entry's place in the data; ``None`` for null
  * ``.references``, ``.classes``, ``.types``: how many lists, maps and objects were seen, the number of fields of each
    class, how many types

* ``WalkedMap``: ``.start``, ``.end``, ``.entries`` (each ``Entry(start, value_start, end, key, value)``, ``key`` and
  ``value`` being text or, where they are no strings, ``None``), ``.strings()``, and
  ``.rewrite(data, changes, added=b"") -> bytes``: what comes in the place of ``data[start:end]``. ``changes`` maps the
  index of an entry to the bytes of its new value, or to ``None`` to take it out; ``added`` is entries to append. Every
  other byte stays, except numbers of references, classes and types that are others now. ``StillInUse`` where an entry
  that stays refers to a value that goes. The map must be the message's last value, as attachments are.

Writing: ``write_string(text)``, ``write_int(number)``, ``write_entry(key, value)`` (for ``added``),
``write_string_map(strings)`` (null is ``b"N"``), and ``Writer`` for values:
``writer.write(value)``, then ``bytes(writer)``.

Values: ``Reader(data, position=0, end=None, *, limits=LIMITS, follow_references=True)`` with ``.read() -> Value``,
``.position`` and ``.is_at_end``; whoever shows values does not follow references, because a few bytes may hold one
another so often that all of it can never be shown. A ``Value`` is ``None``, ``bool``, ``int``, ``Long``, ``float``,
``str``, ``bytes``, ``Date(milliseconds)``, ``List(items, type)``, ``Map(entries, type)``,
``Object(type, names, values)`` or ``Reference(number)``; what a reader gives a writer takes.

Errors: ``Hessian2Error(reason, offset)``, a ``ValueError``, from walkers and readers, ``offset`` being that in
``data``; ``StillInUse(reason, offset)``, a ``ValueError``, from ``rewrite``.
``Limits(depth=1024, containers=1 << 20, classes=16384, entries=16384, values=1 << 20)``.
"""

from __future__ import annotations

from reference_codecs.dubbo.hessian2.errors import Hessian2Error, StillInUse
from reference_codecs.dubbo.hessian2.limits import LIMITS, Limits
from reference_codecs.dubbo.hessian2.maps import Entry, WalkedMap
from reference_codecs.dubbo.hessian2.numbers import write_int
from reference_codecs.dubbo.hessian2.reader import Reader
from reference_codecs.dubbo.hessian2.text import write_string
from reference_codecs.dubbo.hessian2.values import Date, List, Long, Map, Object, Reference, Value
from reference_codecs.dubbo.hessian2.walker import Walker
from reference_codecs.dubbo.hessian2.writer import Writer, write_entry, write_string_map

__all__ = [
    "LIMITS",
    "Date",
    "Entry",
    "Hessian2Error",
    "Limits",
    "List",
    "Long",
    "Map",
    "Object",
    "Reader",
    "Reference",
    "StillInUse",
    "Value",
    "WalkedMap",
    "Walker",
    "Writer",
    "write_entry",
    "write_int",
    "write_string",
    "write_string_map",
]
