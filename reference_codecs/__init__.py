"""Codecs of known protocols: each a superset of what ``metaproto new`` renders.

Codecs import only the public face of ``metaprotocol_sdk`` and never one another; the SDK finds them by entry point.
"""
