"""A running PBX, and a client of its API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio

from offhook.app import Pbx
from tests.integration.running import Running, client, running_pbx


@pytest_asyncio.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    """A fresh PBX with its HTTP side."""
    async with running_pbx(tmp_path) as started:
        yield started


@pytest_asyncio.fixture
async def pbx(running: Running) -> Pbx:
    """The running PBX itself."""
    return running.pbx


@pytest_asyncio.fixture
async def url(running: Running) -> str:
    """Where its API is: `http://127.0.0.1:PORT`."""
    return running.url


@pytest_asyncio.fixture
async def api(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    """A client of its API, calling from the PBX itself."""
    async with client(running) as opened:
        yield opened
