"""The validation report: one self-contained HTML directory made from the journal, without any network access."""

from checks.report.build import report_of, write_report

__all__ = ["report_of", "write_report"]
