"""Codecs in any language, judged by the same laws over stdin and stdout (``docs/reference/foreign-codecs.md``).

The far side is a program that answers questions: what it makes of these bytes, how it writes this message, how it
answers this request with an error. ``foreign_subject`` puts it in the place of a subject's own codec;
:mod:`metaprotocol_sdk.conformance.serve` is the far side of any codec in Python.

* ``fault``: what can be wrong with a far side that is no broken law
* ``wire``: frames, and values read from them
* ``far_side``: the program, started, asked and watched
* ``codec``: the program as a codec
* ``subject``: that codec in the place of another

This package imports nothing.
"""
