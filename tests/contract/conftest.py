"""Databases that do not exist yet, and stores on them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from offhook.store.open import Store
from tests.store_records import BACKENDS, fresh_url, open_at


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database of each supported kind."""
    with fresh_url(request, request.param, tmp_path) as found:
        yield found


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Store]:
    """Give an open store; closed afterwards."""
    opened = await open_at(url, tmp_path)
    yield opened
    await opened.close()
