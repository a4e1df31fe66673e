"""From a mistake in a file to a finding: when it counts, and what takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.lint import LintProblem
from offhook.core.maker_keys import MakerKeys
from offhook.diagnosis.examples import ACME, FILE, HEALTHY, MAC, SEEN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.linting import bad_facts
from offhook.diagnosis.rules import rules

LLDP = bad_facts("P711")
UNREGISTERED = replace(LLDP, device_registrations={}, registrations={})


def count(code: str, facts: Facts) -> int:
    return len(list(rules()[code].check(facts)))


def test_phone_that_is_registered_was_not_lost() -> None:
    assert count("P711", LLDP) == 0


def test_phone_that_is_silent_since_it_fetched_is_lost() -> None:
    assert count("P711", UNREGISTERED) == 1


@pytest.mark.parametrize("fetched", [HEALTHY.now - timedelta(minutes=2), None])
def test_phone_that_has_not_had_the_time_is_not_lost_yet(fetched: object) -> None:
    seen = replace(SEEN, last_provisioned=fetched)  # type: ignore[arg-type]  # None or a moment
    assert count("P711", replace(UNREGISTERED, sightings={MAC: seen})) == 0
    assert count("P711", replace(UNREGISTERED, sightings={})) == 0


def test_files_that_would_be_are_told_before_anybody_is_lost() -> None:
    assert count("P711", replace(LLDP, is_preview=True)) == 1


@pytest.mark.parametrize(
    ("firmware", "expected"), [("9.1.0", 1), ("10.0", 1), ("8.9.9", 0), ("", 0), ("beta", 0)]
)
def test_new_names_count_from_their_firmware_on(firmware: str, expected: int) -> None:
    problem = LintProblem(code="P708", file=FILE, key="old", other="new", since=(9,))
    acme = replace(ACME, keys=MakerKeys())
    facts = replace(
        HEALTHY,
        profiles={"acme": acme},
        lint={MAC: (problem,)},
        sightings={MAC: replace(SEEN, firmware=firmware)},
    )
    assert count("P708", facts) == expected
    assert count("P708", replace(facts, sightings={})) == 0
    assert count("P708", replace(facts, profiles={})) == 0


def test_what_is_known_of_a_deleted_device_is_not_told() -> None:
    assert count("P716", replace(bad_facts("P716"), devices={})) == 0


@pytest.mark.parametrize(
    ("origin", "step"),
    [
        ("template", "Correct the site's own template in `provisioning.templates`"),
        ("vendor acme", "Remove the free setting one.key of vendor acme"),
        ("device 02acce000001", f"Remove the free setting one.key of device {MAC.colons}"),
    ],
)
def test_says_what_takes_it_back(origin: str, step: str) -> None:
    (found,) = rules()["P717"].check(bad_facts("P717", origin=origin, other="info"))
    assert found.steps[0] == step
    assert "one.key = 0" in found.evidence[0].what
