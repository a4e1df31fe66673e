"""What all tests share: real programs are required in CI and skipped with a reason elsewhere."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.integration.ad import filled_domain, own_domain  # noqa: F401 - fixtures for all
from tests.postgres import find_program, running_postgres

# How slowly a busy machine draws examples tells nothing of what is tested.
settings.register_profile("offhook", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("offhook")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Give the URL of a PostgreSQL of these tests; tests with it carry `needs("postgres")`."""
    with running_postgres() as url:
        yield url


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Honour `needs(program)`: a missing program skips, but never with CI=true."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if find_program(program):
                continue
            reason = f"{program} is not installed: as root, make test installs it"
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI skips nothing: {reason}")
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport]:
    """Make a report that can travel between processes: hostile texts have half surrogate pairs."""
    report = yield
    report.sections = [(name, _sendable(text)) for name, text in report.sections]
    return report


def pytest_itemcollected(item: pytest.Item) -> None:
    """The same for a test's name."""
    item._nodeid = _sendable(item.nodeid)
    item.name = _sendable(item.name)


def _sendable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
