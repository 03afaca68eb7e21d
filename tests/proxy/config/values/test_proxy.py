from __future__ import annotations

import subprocess
import sys


def test_the_runtime_reads_values_without_loading_what_made_them() -> None:
    code = (
        "import sys, metaprotocol_sdk.proxy.config.values; print([m for m in ('pydantic', 'yaml') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
