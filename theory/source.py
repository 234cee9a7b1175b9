"""Sources of laws, with BibTeX."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A publication, or the project itself (``key="derived"``)."""

    key: str
    authors: str
    title: str
    year: int
    arxiv: str = ""
    venue: str = ""

    def text(self) -> str:
        """Return a one-line citation."""
        tail = f", arXiv:{self.arxiv}" if self.arxiv else (f", {self.venue}" if self.venue else "")
        return f"{self.authors}, {self.title} ({self.year}){tail}"

    def bibtex(self) -> str:
        """Return a BibTeX entry.

        >>> print(DERIVED.bibtex().splitlines()[0])
        @misc{derived,
        """
        fields = {"author": self.authors, "title": "{" + self.title + "}", "year": str(self.year)}
        if self.arxiv:
            fields |= {"eprint": self.arxiv, "archivePrefix": "arXiv"}
        if self.venue:
            fields["howpublished"] = self.venue
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@misc{{{self.key},\n{body}\n}}"


DERIVED = Source("derived", "sgdlaws contributors", "Derived in sgdlaws", 2026)
