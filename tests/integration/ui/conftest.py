"""A browser's client of the pages, signed in as `ada`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

import httpx
import pytest_asyncio

from tests.integration.running import Running, client

ADMIN = "ada"
PASSWORD = "a few words to remember"


class SignedIn:
    """A signed-in browser without JavaScript: pages by `get`, forms by `post` with their token."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.csrf = ""

    async def sign_in(self) -> None:
        """Sign in and read the session's form token from the first page."""
        form = {"name": ADMIN, "password": PASSWORD}
        answer = await self.http.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', (await self.http.get("/")).text)
        assert found, "the first page has no form token"
        self.csrf = found[1]

    async def get(self, path: str, *, as_fragment: bool = False) -> httpx.Response:
        """Open a page; as a fragment as htmx asks for it."""
        headers = {"HX-Request": "true"} if as_fragment else {}
        return await self.http.get(path, headers=headers)

    async def post(
        self, path: str, form: Mapping[str, str | Sequence[str]] | None = None
    ) -> httpx.Response:
        """Send a form of a page; where it leads is not followed."""
        return await self.http.post(path, data={"csrf": self.csrf, **(form or {})})


@pytest_asyncio.fixture
async def signed_in(running: Running) -> AsyncIterator[SignedIn]:
    """A browser that is signed in."""
    await running.services.admins.put_admin("test", ADMIN, PASSWORD)
    async with client(running) as opened:
        browser = SignedIn(opened)
        await browser.sign_in()
        yield browser


@pytest_asyncio.fixture
async def stranger(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is not signed in."""
    async with client(running) as opened:
        yield opened
