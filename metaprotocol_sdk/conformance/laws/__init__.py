"""The laws as functions, by what they look at; :mod:`metaprotocol_sdk.conformance.checks` lists them."""
