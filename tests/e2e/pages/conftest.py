"""A real browser, and a PBX filled with phones; both live as long as the tests of the pages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.e2e.pages.browser import Visitor, chromium, listening, visit
from tests.e2e.pages.demo import demo
from tests.faultbench.bench import Bench, benched


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, started once."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def company(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """A PBX with people and phones; tests look at it and leave it as it is."""
    async with demo(tmp_path_factory.mktemp("company")) as filled:
        yield filled


@pytest_asyncio.fixture(loop_scope="session")
async def empty(tmp_path: Path) -> AsyncIterator[Bench]:
    """A PBX without phones, for one test."""
    async with benched(tmp_path) as bench:
        yield bench


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def signed_in(browser: Browser, company: Bench) -> AsyncIterator[Visitor]:
    """A signed-in person in the company's pages, for all tests."""
    async with visit(browser, company) as person:
        yield person


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(signed_in: Visitor) -> AsyncIterator[Visitor]:
    """The same person with a page of their own, for one test."""
    page = await signed_in.page.context.new_page()
    try:
        yield listening(page, signed_in.url)
    finally:
        await page.close()
