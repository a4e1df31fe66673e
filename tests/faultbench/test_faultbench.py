"""Every scenario: the fault is named first with the right evidence; the healthy stay silent."""

from __future__ import annotations

import pytest

from tests.faultbench.run import RIGHT, Outcome, run_shared, told
from tests.faultbench.scenario import SCENARIOS
from tests.faultbench.scenarios import load

load()


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> dict[str, Outcome]:
    """Run those that were selected, side by side: most of them wait for a phone that is silent."""
    wanted = [
        str(item.callspec.params["name"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
    ]
    return {outcome[0].name: outcome for outcome in run_shared(wanted)[0]}


@pytest.mark.parametrize("name", SCENARIOS)
def test_verdict(name: str, outcomes: dict[str, Outcome]) -> None:
    scenario, result, diagnosis = outcomes[name]
    assert result in RIGHT, told(scenario, result, diagnosis)
