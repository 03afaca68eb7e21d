"""How the tests run, wherever they are started.

Hypothesis runs as ``dev``, or by ``HYPOTHESIS_PROFILE``: ``ci`` tells how to replay a failure, ``deep`` draws anew and
long, for nights. ``dev`` and ``ci`` draw the same every time: a failure that comes and goes is nobody's to fix.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings
from hypothesis.internal.conjecture import providers

settings.register_profile("dev", deadline=None, derandomize=True, database=None, max_examples=50)
settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# Hypothesis also draws numbers and texts it finds in whatever local modules have been imported by then. That differs
# with the tests that ran before and the worker they ran on, so that the same test would draw otherwise.
if hasattr(providers, "_get_local_constants") and settings.default is not None and settings.default.derandomize:
    providers._get_local_constants = lambda: providers._local_constants

# A script's background leaves SIGINT ignored, nohup SIGHUP, to every program that a test starts, too; each takes them
# there as from a terminal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
