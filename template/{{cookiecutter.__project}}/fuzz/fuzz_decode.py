"""Fuzzes decode with atheris, starting from the golden vectors; README.md says how."""

import atheris

with atheris.instrument_imports(include=["metaprotocol_sdk", "{{ cookiecutter.__package }}"]):
    from metaprotocol_sdk.conformance.fuzz import FuzzTarget, run_atheris

    from {{ cookiecutter.__package }}.strategies import subject

if __name__ == "__main__":
    run_atheris(FuzzTarget(subject))
