"""Servers for end-to-end tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.server import Server, running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A fresh server."""
    with running(tmp_path) as started:
        yield started
