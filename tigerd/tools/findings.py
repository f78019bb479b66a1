"""The findings of `tigerd check` and `tigerd repair` in an instance."""

from __future__ import annotations

from dataclasses import dataclass, field

from tiger.format import memory


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it must be, and where."""

    file: str
    offset: int
    record: str
    what: str

    def __str__(self) -> str:
        return f"{self.file} at {self.offset}: {self.record}: {self.what}"


@dataclass
class Report:
    """The report of an audit: what it checked, and its findings."""

    commit: int = 0
    tables: int = 0
    versions: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, table: Report) -> None:
        """Add the findings of one table."""
        self.tables += table.tables
        self.versions += table.versions
        self.records += table.records
        self.findings += table.findings


def reason(error: Exception) -> str:
    """Return an error's message without its remedy, which is being applied."""
    return str(error).removesuffix(memory.REMEDY)


def text_of(key: bytes) -> str:
    """Return a key as people know it."""
    return repr(key.decode(errors="backslashreplace"))
