"""A run told: as text, as JSON, as JUnit's XML and as one HTML page; and failing cases as files.

Every form says the same of a run: how the codec stands under each law, and of each failure the law, what happened, the
bytes field by field, the likely mistake, and the command that judges that very case again.
"""

from metaprotocol_sdk.conformance.report.document import to_json
from metaprotocol_sdk.conformance.report.failures import (
    FAILURES,
    SavedFailure,
    load_failure,
    recollect,
    replay_command,
    save_failure,
    save_failures,
    write_atomically,
)
from metaprotocol_sdk.conformance.report.html import to_html
from metaprotocol_sdk.conformance.report.junit import law_properties, to_junit
from metaprotocol_sdk.conformance.report.text import failure_text, law_line, report_text, summary

__all__ = [
    "FAILURES",
    "SavedFailure",
    "failure_text",
    "law_line",
    "law_properties",
    "load_failure",
    "recollect",
    "replay_command",
    "report_text",
    "save_failure",
    "save_failures",
    "summary",
    "to_html",
    "to_json",
    "to_junit",
    "write_atomically",
]
