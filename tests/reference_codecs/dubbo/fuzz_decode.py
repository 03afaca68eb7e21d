"""Fuzzes dubbo's decode with atheris, starting from the golden vectors.

``python tests/reference_codecs/dubbo/fuzz_decode.py -max_total_time=60 corpus/``
"""

import atheris

with atheris.instrument_imports(include=["metaprotocol_sdk", "reference_codecs"]):
    from metaprotocol_sdk.conformance.fuzz import FuzzTarget, run_atheris
    from reference_codecs.dubbo.strategies import subject

if __name__ == "__main__":
    run_atheris(FuzzTarget(subject))
