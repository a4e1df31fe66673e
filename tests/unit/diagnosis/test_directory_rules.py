"""P501 to P514: what synchronisations prove, and whom they leave without their name."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.directory import PersonProblem
from offhook.core.model import Line
from offhook.diagnosis.directory_runs import MAX_PEOPLE
from offhook.diagnosis.examples import (
    EXTENSION,
    HEALTHY,
    MAC,
    MINUTE,
    NOW,
    PHONE,
    REBOOT,
    SEEN,
    SYNCED,
    directory_facts,
    failed_run,
)
from offhook.diagnosis.facts import DirectoryRun, Facts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all, rules

SERVER = "ldaps://dc2.example.test"
READ_FAULTS = ("P501", "P502", "P503", "P504", "P505", "P506", "P507")


def codes(facts: Facts) -> list[str]:
    return [finding.code for finding in find_all(facts)]


def only(facts: Facts, code: str) -> list[Finding]:
    return list(rules()[code].check(facts))


def run(status: str, fault: str = "", *, ago: int = 5, **values: object) -> DirectoryRun:
    return DirectoryRun(at=NOW - ago * MINUTE, status=status, fault=fault, values=values)


def person_problem(fault: str, who: str = "bob", **values: object) -> PersonProblem:
    return PersonProblem(guid=who, login=who, fault=fault, message=f"about {who}", values=values)


@pytest.mark.parametrize("code", [code for code in rules() if code.startswith("P5")])
def test_without_a_directory_nothing_is_found(code: str) -> None:
    bad = rules()[code].bad
    assert only(replace(bad, directory=None), code) == []


@pytest.mark.parametrize("code", [code for code in rules() if code.startswith("P5")])
def test_before_the_first_run_nothing_is_found(code: str) -> None:
    assert only(directory_facts(runs=()), code) == []


@pytest.mark.parametrize("code", READ_FAULTS)
def test_failed_run_names_its_fault_server_and_problem(code: str) -> None:
    facts = failed_run(code, server=SERVER, problem="it broke", reason="it broke")
    [finding] = find_all(facts)
    assert (finding.code, finding.subject) == (code, SERVER)
    assert finding.message.endswith(": it broke")
    assert finding.evidence == (f"2026-01-05T11:59:00Z synchronisation failed, {code}: it broke",)


@pytest.mark.parametrize("code", READ_FAULTS)
@pytest.mark.parametrize("status", ["ok", "unchanged", "partial", "dry_run"])
def test_run_that_could_read_ends_the_fault(code: str, status: str) -> None:
    later = run(status, ago=1)
    failed = run("failed", code, server=SERVER, problem="it broke", reason="it broke")
    assert codes(directory_facts(runs=(later, failed))) == []


def test_run_kept_without_values_tells_its_error() -> None:
    kept = replace(run("failed", "P501"), error="directory x cannot be reached:\nno answer")
    [finding] = find_all(directory_facts(runs=(kept,)))
    assert finding.message == "directory x cannot be reached:\\nno answer"
    assert finding.subject == "ldaps://dc1.example.test"


def test_values_that_are_missing_or_hostile_are_shown_harmlessly() -> None:
    [finding] = find_all(failed_run("P501", problem="\x1b[2J{server}\n"))
    assert finding.message == "directory ? cannot be reached: \\x1b[2J{server}\\n"


def test_unknown_server_still_has_a_name() -> None:
    failed = run("failed", "P507", problem="cut off")
    [finding] = find_all(directory_facts(server="", runs=(failed,)))
    assert finding.subject == "directory"


def test_each_disputed_number_is_told_once_with_all_concerned() -> None:
    first, second = {"number": "1002", "logins": "a, b"}, {"number": "1003", "logins": "c"}
    facts = directory_facts(
        problems=(
            person_problem("P508", "a", **first),
            person_problem("P508", "b", **first),
            person_problem("P508", "c", **second),
        )
    )
    found = only(facts, "P508")
    assert [(it.subject, it.evidence) for it in found] == [
        ("1002", ("about a", "about b")),
        ("1003", ("about c",)),
    ]
    assert found[0].message == "extension number 1002 is disputed: a, b"


def test_every_person_wrong_is_no_endless_list() -> None:
    many = tuple(person_problem("P509", f"p{place}", login="p", text="x") for place in range(5000))
    assert len(only(directory_facts(problems=many), "P509")) == MAX_PEOPLE


def test_text_of_a_person_is_data() -> None:
    facts = directory_facts(problems=(person_problem("P509", login="bob", text="{login}\x07"),))
    [finding] = find_all(facts)
    assert finding.message == (
        "bob has '{login}\\x07' in the directory where an extension number should be"
    )


@pytest.mark.parametrize(
    ("brake", "step"), [("max_disable", "--confirm"), ("zero_people", "rights of the service")]
)
def test_refused_run_says_what_can_be_done(brake: str, step: str) -> None:
    refused = run("refused", "P511", brake=brake, count=9, limit=5)
    [finding] = find_all(directory_facts(runs=(refused,)))
    assert finding.message.endswith(f"{brake} allows 5, the plan has 9")
    assert step in finding.steps[-1]
    assert len(finding.evidence) == 1


@pytest.mark.parametrize(
    ("statuses", "count"),
    [
        (["failed"] * 2, None),
        (["failed"] * 3, 3),
        (["failed"] * 9, 9),
        (["failed", "failed", "ok", "failed"], None),
        (["unchanged", "failed", "failed", "failed"], None),
    ],
)
def test_three_failures_in_a_row_are_a_finding(statuses: list[str], count: int | None) -> None:
    facts = directory_facts(runs=tuple(run(status) for status in statuses))
    expected = [f"the last {count} synchronisations failed: see the log"] if count else []
    assert [finding.message for finding in find_all(facts)] == expected


def test_failures_are_told_with_the_newest_cause() -> None:
    runs = (run("failed", "P506", server=SERVER, reason="wrong password"),) * 3
    [finding] = only(directory_facts(runs=runs), "P513")
    assert finding.message.endswith("failed: P506 wrong password")


@pytest.mark.parametrize(
    ("left", "days"),
    [
        (timedelta(days=14), "14"),
        (timedelta(hours=5), "0"),
        (timedelta(days=14, seconds=1), None),
        (timedelta(0), None),
        (timedelta(days=-3), None),
    ],
)
def test_certificate_is_told_two_weeks_before_its_end(left: timedelta, days: str | None) -> None:
    found = find_all(directory_facts(certificate_ends=NOW + left))
    assert [finding.message.split()[-2] for finding in found] == ([days] if days else [])


# --- the phone with the old name -----------------------------------------------------------------

RENAMED = rules()["P512"].bad


def test_phone_with_the_old_name_is_told_with_the_order_that_failed() -> None:
    [finding] = only(replace(RENAMED, reboots={MAC: REBOOT}), "P512")
    assert (finding.subject, finding.message.split()[1]) == (MAC.colons, "1001")
    assert len(finding.evidence) == 3
    assert finding.hint == "Have it fetched now: POST /api/phones/1001/reboot"


@pytest.mark.parametrize(
    "facts",
    [
        replace(RENAMED, sightings=HEALTHY.sightings),
        replace(RENAMED, sightings={}),
        replace(RENAMED, extensions={"1001": EXTENSION}),
        replace(RENAMED, extensions={}),
        replace(RENAMED, directory=HEALTHY.directory),
        replace(
            RENAMED,
            sightings={MAC: replace(RENAMED.sightings[MAC], last_provisioned=NOW - MINUTE)},
        ),
    ],
    ids=["current", "never seen", "by hand", "deleted", "not renamed", "fetched since"],
)
def test_phone_is_not_blamed_on_the_synchronisation(facts: Facts) -> None:
    assert only(facts, "P512") == []


def test_each_line_of_a_phone_counts_once() -> None:
    lines = (
        Line(index=1, extension="1001"),
        Line(index=2, extension="1001"),
        Line(index=3, extension="1002"),
    )
    seen = replace(SEEN, delivered=dict.fromkeys(SEEN.delivered, "b" * 64), last_provisioned=None)
    facts = replace(
        directory_facts(renamed={"1001": NOW, "1002": NOW}, runs=(SYNCED,)),
        devices={MAC: replace(PHONE, lines=lines)},
        sightings={MAC: seen},
        extensions={
            number: replace(EXTENSION, number=number, source="ad") for number in ("1001", "1002")
        },
    )
    assert [finding.message.split()[1] for finding in only(facts, "P512")] == ["1001", "1002"]
