"""Take a picture of every page of a filled PBX: light and dark, on a desk and on a telephone."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from playwright.async_api import Browser

from tests.e2e.pages.browser import chromium, visit
from tests.e2e.pages.demo import demo
from tests.e2e.pages.places import places
from tests.faultbench.bench import Bench

SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
WIDTHS = (1280, 360)


def main() -> None:
    """Fill a PBX, visit every page, write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go: NAME-SCHEME-WIDTH.png")
    parser.add_argument("names", nargs="*", help="only these pages")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(given.folder, given.names or list(places())))


async def _take_all(folder: Path, names: list[str]) -> None:
    with TemporaryDirectory() as data:
        async with demo(Path(data)) as company, chromium() as browser:
            for scheme in SCHEMES:
                for width in WIDTHS:
                    await _take(browser, company, folder, names, scheme, width)


async def _take(
    browser: Browser,
    company: Bench,
    folder: Path,
    names: list[str],
    scheme: Literal["light", "dark"],
    width: int,
) -> None:
    async with visit(browser, company, scheme=scheme, width=width) as visitor:
        for name in names:
            await visitor.open(places(company)[name])
            file = folder / f"{name}-{scheme}-{width}.png"
            await visitor.page.screenshot(path=file, full_page=True)
            print(file)  # noqa: T201 - this is a command
        for complaint in visitor.complaints:
            print(f"the browser complains: {complaint}")  # noqa: T201 - this is a command


if __name__ == "__main__":
    main()
