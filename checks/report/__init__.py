"""The validation report: one self-contained HTML directory made from the journal, without any network access."""

from checks.report.build import write_report

__all__ = ["write_report"]
