"""From kept reports to what the rules look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from offhook.actions.directory_facts import directory_facts
from offhook.actions.directory_ports import SyncReport
from offhook.actions.sync_effects import shown_problem
from offhook.core.directory import PersonProblem
from offhook.diagnosis.examples import HEALTHY, NOW
from offhook.diagnosis.rules import find_all

DONE = SyncReport(
    id="a",
    source="ad",
    started_at=NOW - timedelta(minutes=10),
    seconds=2.0,
    asked_by="admin",
    status="ok",
    is_dry_run=False,
    server="ldaps://dc1",
)
FAILED = replace(DONE, status="failed", fault="P501", error="directory ad is gone", server="")
CONFLICT = PersonProblem(
    guid="g",
    login="bob",
    fault="P508",
    message="number 1002 cannot be given to bob",
    values={"number": "1002", "logins": "ada, bob"},
)


def messages(*reports: SyncReport) -> list[str]:
    return [
        finding.message
        for finding in find_all(replace(HEALTHY, directory=directory_facts("ad", reports)))
    ]


def test_without_reports_there_is_nothing_to_find() -> None:
    assert messages() == []
    assert directory_facts("ad", []).server == ""


def test_failure_is_told_in_the_words_of_its_report() -> None:
    assert messages(FAILED, DONE) == ["directory ad is gone"]
    assert directory_facts("ad", [FAILED, DONE]).server == "ldaps://dc1"


def test_reports_of_another_source_do_not_count() -> None:
    assert messages(replace(FAILED, source="file"), DONE) == []


def test_problems_of_the_last_complete_read_stand_until_the_next() -> None:
    kept = replace(DONE, problems=[shown_problem(CONFLICT)])
    assert messages(FAILED, kept)[1] == "extension number 1002 is disputed: ada, bob"
    assert messages(DONE, kept) == []


def test_problem_kept_without_values_is_still_shown() -> None:
    kept = replace(DONE, problems=[{"fault": "P510", "login": "bob", "guid": "g", "message": "m"}])
    assert messages(kept) == ["person bob cannot be used: m"]


def test_refused_run_has_the_values_of_its_brake() -> None:
    hit = {"name": "max_disable", "count": 40, "limit": 10, "logins": ["ada", "bob"]}
    facts = directory_facts("ad", [replace(DONE, status="refused", fault="P511", brakes=[hit])])
    [finding] = find_all(replace(HEALTHY, directory=facts))
    assert finding.message.endswith("max_disable allows 10, the plan has 40")
    assert finding.evidence[1] == "first of them: ada, bob"


def test_newest_change_of_name_or_number_of_each_extension_is_known() -> None:
    def report(minutes: int, status: str, **kinds: list[str]) -> SyncReport:
        changes = [{"number": number[1:], "kinds": them} for number, them in kinds.items()]
        at = NOW - timedelta(minutes=minutes)
        return replace(DONE, started_at=at, status=status, changes=changes)

    found = directory_facts(
        "ad",
        [
            report(1, "dry_run", n1001=["rename"]),
            report(10, "partial", n1001=["rename"], n1002=["update"]),
            report(20, "ok", n1001=["renumber"], n1003=["adopt", "update"]),
        ],
    ).renamed
    seconds = timedelta(seconds=2)
    assert found == {
        "1001": NOW - timedelta(minutes=10) + seconds,
        "1003": NOW - timedelta(minutes=20) + seconds,
    }
