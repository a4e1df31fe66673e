"""The reason for the pages: a phone knocks, is adopted, rings, and follows a new name, all seen."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from offhook.core.mac import Mac
from offhook.simulator.virtual_phone import VirtualPhone
from tests.e2e.pages.browser import visit
from tests.faultbench.bench import Bench

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

MAC = Mac(0x001565AABBCC)
MARK = "window.isTheSamePage = true"


async def not_loaded_again(page: Page) -> bool:
    return bool(await page.evaluate("window.isTheSamePage === true"))


async def knock(page: Page, phone: VirtualPhone) -> None:
    """An unknown phone appears by itself on the page that lists them."""
    await page.get_by_role("link", name="Unknown", exact=True).click()
    await expect(page.get_by_text("No unknown phone has knocked")).to_be_visible()
    await page.evaluate(MARK)
    assert not await phone.boot()
    await expect(page.get_by_role("link", name=MAC.colons, exact=True)).to_be_visible()
    assert await not_loaded_again(page)


async def adopt(page: Page) -> None:
    """Take it in, its extension made in the same step."""
    await page.get_by_role("button", name=f"Adopt {MAC.colons}").click()
    await expect(page.get_by_label("Model")).to_have_value("yealink/t46s")
    await page.get_by_label("Extension").fill("1001")
    await page.get_by_label("Name", exact=True).fill("Ada Lovelace")
    await page.get_by_role("button", name="Adopt", exact=True).click()
    await page.wait_for_url(f"**/phones/{MAC.plain}")


async def come_up(page: Page, phone: VirtualPhone) -> None:
    """Its row turns to right while one looks at it."""
    await page.get_by_role("link", name="Phones", exact=True).first.click()
    row = page.get_by_role("row").filter(has_text=MAC.colons)
    await expect(row).to_contain_text("on its way")
    await expect(row).to_contain_text("not registered")
    await page.evaluate(MARK)
    assert await phone.boot(), (phone.requests, phone.registrations)
    await expect(row).to_contain_text("✓ right")
    await expect(row).to_contain_text("in step")
    await expect(row).not_to_contain_text("not registered")
    assert await not_loaded_again(page)


async def rename(page: Page, phone: VirtualPhone) -> None:
    """A new name: the phone is told and fetches, step by step on its page in another tab."""
    watching = await page.context.new_page()
    await watching.goto(page.url)
    await watching.get_by_role("link", name=MAC.colons, exact=True).click()
    await watching.get_by_role("link", name="Actions", exact=True).click()
    await expect(watching.get_by_text("The phone was never told anything")).to_be_visible()
    await watching.evaluate(MARK)

    await page.get_by_role("link", name="People", exact=True).click()
    await page.get_by_role("link", name="1001", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("Ada King <Countess>")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Ada King <Countess>")

    await phone.until(lambda it: len(it.notifies) == 1 and len(it.registrations) == 2, 15)
    assert phone.account is not None
    assert phone.account.display_name == "Ada King <Countess>"
    steps = watching.get_by_role("list", name="Steps").get_by_role("listitem")
    for name in ("asked", "sent", "answered", "fetched", "registered"):
        await expect(steps.filter(has_text=name).filter(has_text="✓")).to_have_count(1)
    assert await not_loaded_again(watching)
    await watching.close()


async def test_an_unknown_phone_is_adopted_rings_and_is_renamed_without_a_reload(
    browser: Browser, empty: Bench
) -> None:
    phone = empty.phone(str(MAC), "yealink", "t46s")
    async with visit(browser, empty) as visitor:
        page = visitor.page
        await expect(page.get_by_role("heading", level=1)).to_be_visible()
        await knock(page, phone)
        await adopt(page)
        await come_up(page, phone)
        await rename(page, phone)
        assert visitor.complaints == []
