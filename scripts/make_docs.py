"""Write the manual pages that are made from code: faults, makers, settings."""

from __future__ import annotations

from pathlib import Path

from offhook import vendors
from offhook.diagnosis.pages import fault_pages
from offhook.diagnosis.rules import rules
from offhook.settings_page import settings_page
from offhook.vendors import load_profiles
from offhook.vendors._pages import render_vendor_page

DOCS = Path(__file__).parent.parent / "docs"


def write_folder(folder: Path, pages: dict[str, str]) -> None:
    """Make a folder hold exactly these Markdown pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def vendor_pages() -> dict[str, str]:
    """A page for every maker: its profile and the README of its folder."""
    folder = Path(vendors.__path__[0])
    return {
        f"{profile.name}.md": render_vendor_page(
            profile, (folder / profile.name / "README.md").read_text(encoding="utf-8")
        )
        for profile in load_profiles()
    }


def main() -> None:
    """Write every generated page."""
    write_folder(DOCS / "faults", fault_pages(rules()))
    write_folder(DOCS / "vendors", vendor_pages())
    (DOCS / "settings.md").write_text(settings_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
