"""Every scenario: the fault is named first with the right evidence; the healthy stay silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faultbench.run import run_one
from tests.faultbench.scenario import SCENARIOS, Result, Scenario
from tests.faultbench.scenarios import load

load()


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=list(SCENARIOS))
async def test_verdict(scenario: Scenario, tmp_path: Path) -> None:
    _, result, diagnosis = await run_one(scenario, tmp_path)
    assert result in (Result.FIRST, Result.SILENT), diagnosis
