"""Chromium as a person uses it: signed in, and attentive to errors that only the console shows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.faultbench.bench import Bench

CHROMIUM = "/usr/bin/chromium"
ADMIN = "ada"
PASSWORD = "a few words to remember"
# Without a sandbox for containers that run as root; without any talk to the outside.
_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(slots=True, kw_only=True)
class Visitor:
    """A person with a page open. `complaints` are the browser's: scripts, CSP, what is missing."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        """Open a page of the PBX."""
        await self.page.goto(self.url + path, wait_until="load")

    async def sign_in(self, name: str = ADMIN, password: str = PASSWORD) -> None:
        """Sign in as a person does, and see the first page."""
        await self.open("/sign-in")
        await self.page.get_by_label("Name").fill(name)
        await self.page.get_by_label("Password").fill(password)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.get_by_role("navigation", name="Main").wait_for()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start Debian's Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*_SWITCHES])
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def visit(
    browser: Browser,
    bench: Bench,
    *,
    scheme: Literal["light", "dark"] = "light",
    width: int = 1280,
) -> AsyncIterator[Visitor]:
    """Sign in to a PBX, whose admin is made for this."""
    await bench.call("POST", "/api/admins", {"name": ADMIN, "password": PASSWORD})
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    try:
        visitor = listening(await context.new_page(), bench.url)
        await visitor.sign_in()
        yield visitor
    finally:
        await context.close()


def listening(page: Page, url: str) -> Visitor:
    """Make a visitor of a page, who hears what its console says."""
    visitor = Visitor(page=page, url=url)
    page.set_default_timeout(15_000)
    page.on("console", lambda message: _hear(visitor, message))
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    return visitor


def _hear(visitor: Visitor, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        visitor.complaints.append(f"{message.text} ({message.location})")
