"""Write the manual pages that are made from code: docs/faults from the rules of the diagnosis."""

from __future__ import annotations

from pathlib import Path

from offhook.diagnosis.pages import fault_pages
from offhook.diagnosis.rules import rules

DOCS = Path(__file__).parent.parent / "docs"


def write_folder(folder: Path, pages: dict[str, str]) -> None:
    """Make a folder hold exactly these Markdown pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Write every generated page."""
    write_folder(DOCS / "faults", fault_pages(rules()))


if __name__ == "__main__":
    main()
