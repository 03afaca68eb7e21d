"""Running ``metaproto`` in tests: in this process for its logic, in another for what only a process has."""

from __future__ import annotations

import subprocess
import sys

from click.testing import CliRunner, Result

from metaprotocol_sdk.cli import metaproto


def run(*args: str, env: dict[str, str | None] | None = None, text: str | None = None) -> Result:
    """What ``metaproto ARGS`` prints and returns, in this process."""
    clean: dict[str, str | None] = {"NO_COLOR": None, "FORCE_COLOR": None, "METAPROTO_DEBUG": None, "COLUMNS": "80"}
    return CliRunner().invoke(metaproto, args, prog_name="metaproto", env={**clean, **(env or {})}, input=text)


def run_process(*args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What ``python -m metaprotocol_sdk ARGS`` prints and returns."""
    return subprocess.run(
        [sys.executable, "-m", "metaprotocol_sdk", *args], capture_output=True, text=True, env=env, check=False
    )
