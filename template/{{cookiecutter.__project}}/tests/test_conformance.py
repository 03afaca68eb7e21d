"""The laws of conformance, one test each: `metaproto conformance` judges the same ones."""

from metaprotocol_sdk.conformance import CodecConformance

from {{ cookiecutter.__package }}.strategies import subject


class TestConformance(CodecConformance):
    subject = subject
