"""What every page owes a person: readable at any width, by keyboard, by ear, light and dark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.pages.browser import Visitor
from tests.e2e.pages.places import places
from tests.faultbench.bench import Bench

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

AXE = (Path(__file__).parents[2] / "tools" / "axe" / "axe.min.js").read_text(encoding="utf-8")
_RUN = """async (only) => {
    const options = only.length ? {runOnly: only} : {};
    const found = await axe.run(document, options);
    return found.violations.filter(it => ["serious", "critical"].includes(it.impact))
        .map(it => `${it.id}: ${it.help}: ` + it.nodes.slice(0, 3).map(
            node => node.html.slice(0, 200) + " " + node.any.map(any => any.message).join()
        ).join(" | "));
}"""
_TOO_WIDE = """() => {
    const wide = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= wide) return [];
    return [...document.querySelectorAll("main *, header *")].filter(it => {
        return it.getBoundingClientRect().right > wide + 1 && !it.closest(".scroll, pre");
    }).slice(0, 5).map(it => it.outerHTML.slice(0, 160));
}"""


async def axe(visitor: Visitor, *only: str) -> list[str]:
    """Serious and critical findings of axe on the open page."""
    await visitor.page.evaluate(AXE)
    found: Any = await visitor.page.evaluate(_RUN, list(only))
    return list(found)


@pytest.mark.parametrize("name", places())
async def test_a_page_is_accessible_readable_and_without_complaint(
    visitor: Visitor, company: Bench, name: str
) -> None:
    await visitor.open(places(company)[name])
    assert await visitor.page.locator("main h1").count() == 1
    assert await axe(visitor) == []
    await visitor.page.emulate_media(color_scheme="dark")
    assert await axe(visitor, "color-contrast") == []
    await visitor.page.set_viewport_size({"width": 360, "height": 800})
    assert await visitor.page.evaluate(_TOO_WIDE) == []
    width = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    scrolled, seen = await visitor.page.evaluate(width)
    assert scrolled <= seen
    assert visitor.complaints == []


async def test_the_first_tab_skips_the_menu(visitor: Visitor) -> None:
    await visitor.open("/phones")
    await visitor.page.keyboard.press("Tab")
    skip = visitor.page.get_by_role("link", name="Skip to the content")
    assert await skip.evaluate("link => link === document.activeElement")
    await visitor.page.keyboard.press("Enter")
    await visitor.page.keyboard.press("Tab")
    assert await visitor.page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize(
    ("path", "role", "label"),
    [
        ("/phones", "searchbox", "Search"),
        ("/log", "button", "Pause"),
        ("/unknown", "button", "Adopt"),
        ("/people", "link", "1001"),
    ],
)
async def test_main_actions_are_reached_by_tab_alone(
    visitor: Visitor, path: str, role: Any, label: str
) -> None:
    await visitor.open(path)
    wanted = visitor.page.get_by_role(role, name=label).first
    await wanted.wait_for()
    for _ in range(60):
        await visitor.page.keyboard.press("Tab")
        if await wanted.evaluate("it => it === document.activeElement"):
            return
    pytest.fail(f"{label} on {path} is not reached by tab")
