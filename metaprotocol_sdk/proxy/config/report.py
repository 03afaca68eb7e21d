"""What is found in one file, collected while it is read."""

from __future__ import annotations

from metaprotocol_sdk.errors import one_line
from metaprotocol_sdk.exceptions import ConfigError, Finding, Severity
from metaprotocol_sdk.proxy.config.tree import Place


class Report:
    """The findings of one file. Reading goes on after an error, so that all of them are told at once.

    Args:
        file: The file's name, as findings give it.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._findings: dict[tuple[int, int, str], Finding] = {}

    def error(self, place: Place, message: str) -> None:
        """Something that must be changed before the file can be used."""
        self._add(place, message, Severity.ERROR)

    def warning(self, place: Place, message: str) -> None:
        """Something that is probably not meant."""
        self._add(place, message, Severity.WARNING)

    def note(self, place: Place, message: str) -> None:
        """Something accepted that has no effect."""
        self._add(place, message, Severity.NOTE)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, in the file's order."""
        return tuple(sorted(self._findings.values(), key=lambda finding: (finding.line, finding.column)))

    def raise_errors(self) -> None:
        """Raises ConfigError with every finding when one of them is an error."""
        if any(finding.severity is Severity.ERROR for finding in self._findings.values()):
            raise ConfigError(self.findings)

    def _add(self, place: Place, message: str, severity: Severity) -> None:
        finding = Finding(
            message=one_line(message),
            file=self.file,
            line=place.line,
            column=place.column,
            path=one_line(place.path),
            severity=severity,
        )
        # What an alias repeats is one mistake in one place, and told once.
        self._findings.setdefault((place.line, place.column, finding.message), finding)
