"""Take a picture of every page of a filled PBX: light and dark, on a desk and on a telephone."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tests.e2e.pages.browser import chromium, visit
from tests.e2e.pages.demo import demo
from tests.e2e.pages.places import places

SCHEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
WIDTHS = (1280, 360)


def main() -> None:
    """Fill a PBX, visit every page, write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go: NAME-SCHEME-WIDTH.png")
    parser.add_argument("names", nargs="*", help="only these pages")
    parser.add_argument("--top", action="store_true", help="only what is seen without scrolling")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(_take_all(given.folder, given.names or list(places()), is_whole=not given.top))


async def _take_all(folder: Path, names: list[str], *, is_whole: bool) -> None:
    with TemporaryDirectory() as data:
        async with demo(Path(data)) as company, chromium() as browser:
            for scheme in SCHEMES:
                for width in WIDTHS:
                    async with visit(browser, company, scheme=scheme, width=width) as visitor:
                        for name in names:
                            await visitor.open(places(company)[name])
                            file = folder / f"{name}-{scheme}-{width}.png"
                            await visitor.page.screenshot(path=file, full_page=is_whole)
                            print(file)
                        for complaint in visitor.complaints:
                            print(f"the browser complains: {complaint}")


if __name__ == "__main__":
    main()
