"""x."""
from __future__ import annotations

from tests.integration.ui.conftest import SignedIn


async def test_x(signed_in: SignedIn) -> None:
    assert "Fleet" in (await signed_in.get("/")).text
