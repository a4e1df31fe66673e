"""The log as one watches it: new lines by themselves, filtered, and still while it is paused."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.pages.browser import visit
from tests.faultbench.bench import Bench

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.asyncio(loop_scope="session")]

AGENT = "Yealink SIP-T46S 66.86.0.15"


async def test_lines_come_by_themselves_and_wait_while_paused(
    browser: Browser, empty: Bench
) -> None:
    async with visit(browser, empty) as visitor:
        page = visitor.page
        await page.get_by_role("link", name="Log", exact=True).click()
        await empty.get("001565000001.cfg", AGENT)
        await expect(page.get_by_text("GET 001565000001.cfg")).to_be_visible()
        await page.get_by_label("Only failures").check()
        await expect(page).to_have_url(f"{visitor.url}/log?q=&kind=&failed=1")

        await page.get_by_role("button", name="Pause").click()
        streamed = page.expect_event("console", lambda message: message.text == "event log")
        await page.evaluate(
            "document.body.addEventListener('htmx:sseMessage',"
            " event => console.log('event ' + event.detail.type))"
        )
        async with streamed:
            await empty.get("001565000002.cfg", AGENT)
        await expect(page.get_by_text("GET 001565000002.cfg")).to_have_count(0)
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_text("GET 001565000002.cfg")).to_be_visible()

        await page.get_by_label("Search").fill("00-15-65-00-00-01")
        await expect(page.get_by_text("GET 001565000002.cfg")).to_have_count(0)
        await expect(page.get_by_text("GET 001565000001.cfg")).to_be_visible()
        assert visitor.complaints == []
