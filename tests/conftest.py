"""What all tests share: real programs are required in CI and skipped with a reason elsewhere."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.integration.ad import filled_domain, own_domain  # noqa: F401 - fixtures for all


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Honour `needs(program)`: a missing program skips, but never with CI=true."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program):
                continue
            reason = f"{program} is not installed: as root, make test installs it"
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI skips nothing: {reason}")
            pytest.skip(reason)
