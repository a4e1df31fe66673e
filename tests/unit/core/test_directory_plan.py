"""Plans: what each difference between directory and links leads to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.directory import (
    FieldChange,
    LinkState,
    Person,
    Plan,
    StepKind,
)
from offhook.core.model import Extension
from offhook.core.secret import Secret
from tests.unit.core.directory_site import (
    ADA,
    BOB,
    NOW,
    POLICY,
    REPORTING,
    Site,
    conflicts,
    kinds,
    only_step,
    site_with,
    someone,
)

# --- people come and change ----------------------------------------------------------------------


def test_new_person_gets_an_extension_with_a_new_secret() -> None:
    site = Site()
    step = only_step(site.sync(replace(ADA, email="ada@example.test")))
    assert step.kinds == (StepKind.CREATE,)
    assert (step.number, step.old_number) == ("1001", "")
    assert site.extensions["1001"] == Extension(
        number="1001",
        name="Ada",
        email="ada@example.test",
        secret=Secret("made-1"),
        source="ad",
        created_at=NOW,
    )
    link = site.links["guid-ada"]
    assert (link.state, link.number, link.seen_from, link.since) == (
        LinkState.ACTIVE,
        "1001",
        "dc1",
        NOW,
    )


def test_second_run_on_the_same_data_does_nothing() -> None:
    site = site_with(ADA, BOB, someone("nonumber"))
    assert site.plan(ADA, BOB, someone("nonumber")).steps == ()


def test_new_name_flows_to_the_extension_and_nothing_else_changes() -> None:
    site = site_with(ADA, BOB)
    before = dict(site.extensions)
    step = only_step(site.sync(replace(ADA, name="Ada King"), BOB))
    assert step.kinds == (StepKind.RENAME,)
    assert step.changes == (FieldChange(field="name", old="Ada", new="Ada King"),)
    assert site.extensions == {**before, "1001": replace(before["1001"], name="Ada King")}


def test_new_number_moves_the_extension_with_its_secret_and_reserves_the_old_one() -> None:
    site = site_with(ADA)
    before = site.extensions["1001"]
    step = only_step(site.sync(replace(ADA, number="1009")))
    assert (step.kinds, step.number, step.old_number) == ((StepKind.RENUMBER,), "1009", "1001")
    assert site.extensions == {"1009": replace(before, number="1009")}
    assert site.links["guid-ada"].reserved == {"1001": NOW + timedelta(days=90)}


def test_former_number_is_kept_for_its_person_until_the_grace_ends() -> None:
    site = site_with(ADA)
    moved = replace(ADA, number="1009")
    site.sync(moved)
    wanting = someone("zoe", "1001")
    made = site.sync(moved, wanting)
    assert conflicts(made) == {"zoe": "ada, zoe"}
    site.now += timedelta(days=90)
    assert kinds(site.sync(moved, wanting)) == {"zoe": "create"}


def test_person_may_return_to_a_reserved_number_although_another_asks() -> None:
    site = site_with(ADA)
    site.sync(replace(ADA, number="1009"))
    made = site.sync(ADA, someone("zoe", "1001"))
    assert kinds(made) == {"ada": "renumber", "zoe": "conflict"}
    assert conflicts(made) == {"zoe": "ada, zoe"}
    assert site.links["guid-ada"].reserved.keys() == {"1009"}


def test_without_grace_a_number_is_still_not_handed_on_in_the_same_run() -> None:
    site = site_with(ADA, policy=replace(POLICY, grace_days=0))
    people = replace(ADA, number="1009"), someone("zoe", "1001")
    assert kinds(site.sync(*people)) == {"ada": "renumber", "zoe": "conflict"}
    assert site.plan(*people).steps == ()


def test_reservations_that_ended_are_dropped_with_the_next_write() -> None:
    site = site_with(ADA)
    site.sync(replace(ADA, number="1009"))
    site.now += timedelta(days=91)
    site.sync(replace(ADA, number="1009", name="Ada King"))
    assert site.links["guid-ada"].reserved == {}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "a@b", "update"),
        ("a@b", "c@d", "update"),
        ("a@b", "", "update"),
        ("a@b", "a@b", None),
    ],
)
def test_email_follows_the_directory(before: str, after: str, expected: str | None) -> None:
    site = site_with(replace(ADA, email=before))
    assert kinds(site.sync(replace(ADA, email=after))).get("ada") == expected
    assert site.extensions["1001"].email == after


def test_email_typed_here_stays_when_the_directory_never_had_one() -> None:
    site = site_with(ADA)
    site.set_extension("1001", email="typed@example.test")
    assert site.plan(ADA).steps == ()


def test_moved_or_renamed_account_changes_only_what_the_link_remembers() -> None:
    site = site_with(ADA)
    before = dict(site.extensions)
    step = only_step(site.sync(replace(ADA, dn="CN=ada,OU=New", login="ada.king")))
    assert (step.kinds, step.changes) == ((StepKind.UPDATE,), ())
    assert site.extensions == before
    assert (site.links["guid-ada"].dn, site.links["guid-ada"].login) == (
        "CN=ada,OU=New",
        "ada.king",
    )


def test_everything_of_one_person_is_one_step() -> None:
    site = site_with(ADA)
    site.sync(replace(ADA, is_enabled=False))
    step = only_step(site.sync(replace(ADA, name="A", number="1009", email="a@b")))
    assert step.kinds == (StepKind.RENAME, StepKind.RENUMBER, StepKind.UPDATE, StepKind.ENABLE)
    assert [it.field for it in step.changes] == ["number", "name", "email", "is_enabled"]


# --- people go and come back ---------------------------------------------------------------------


def test_disabled_account_is_switched_off_and_back_on_with_the_same_secret() -> None:
    site = site_with(ADA)
    before = site.extensions["1001"]
    step = only_step(site.sync(replace(ADA, is_enabled=False)))
    assert (step.kinds, site.state("ada")) == ((StepKind.DISABLE,), LinkState.DISABLED)
    assert site.extensions["1001"] == replace(before, is_enabled=False)
    assert site.plan(replace(ADA, is_enabled=False)).steps == ()
    assert kinds(site.sync(ADA)) == {"ada": "enable"}
    assert site.extensions["1001"] == before


def test_person_out_of_scope_is_disabled_not_missing() -> None:
    site = site_with(ADA, BOB)
    assert kinds(site.sync(BOB, out_of_scope=["ada"])) == {"ada": "disable"}
    assert site.plan(BOB, out_of_scope=["ada"]).steps == ()
    assert kinds(site.sync(ADA, BOB)) == {"ada": "enable"}


def test_person_gone_is_missing_and_returns_as_before() -> None:
    site = site_with(ADA, BOB)
    before = dict(site.extensions)
    assert kinds(site.sync(BOB)) == {"ada": "missing"}
    assert site.state("ada") is LinkState.MISSING
    assert not site.extensions["1001"].is_enabled
    assert site.plan(BOB).steps == ()
    assert kinds(site.sync(ADA, BOB)) == {"ada": "return"}
    assert site.extensions == before


def test_number_of_the_missing_stays_theirs() -> None:
    site = site_with(ADA, BOB)
    site.sync(BOB)
    made = site.sync(BOB, someone("zoe", "1001"))
    assert conflicts(made) == {"zoe": "ada, zoe"}


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("gone", "disabled", (LinkState.DISABLED, "disable")),
        ("gone", "moved", (LinkState.DISABLED, "disable")),
        ("gone", "numberless", (LinkState.IGNORED, "ignored")),
        ("disabled", "gone", (LinkState.MISSING, "missing")),
        ("disabled", "moved", (LinkState.DISABLED, "")),
        ("disabled", "numberless", (LinkState.IGNORED, "ignored")),
        ("numberless", "disabled", (LinkState.IGNORED, "")),
        ("numberless", "gone", (LinkState.MISSING, "missing")),
        ("numberless", "moved", (LinkState.IGNORED, "")),
    ],
)
def test_who_is_off_already_changes_state_without_touching_the_extension(
    first: str, second: str, expected: tuple[LinkState, str]
) -> None:
    site = site_with(ADA, BOB)

    def sync(what: str) -> Plan:
        shown = {"disabled": {"is_enabled": False}, "numberless": {"number": ""}}
        people = [BOB, replace(ADA, **shown[what])] if what in shown else [BOB]
        return site.sync(*people, out_of_scope=["ada"] if what == "moved" else [])

    sync(first)
    extension = site.extensions["1001"]
    made = sync(second)
    assert (site.state("ada"), kinds(made).get("ada", "")) == expected
    assert site.extensions["1001"] == extension
    assert not extension.is_enabled
    site.sync(ADA, BOB)
    assert (site.state("ada"), site.extensions["1001"].is_enabled) == (LinkState.ACTIVE, True)


def test_number_taken_away_switches_off_until_it_is_back() -> None:
    site = site_with(ADA)
    before = dict(site.extensions)
    made = site.sync(replace(ADA, number=""))
    assert kinds(made) == {"ada": "disable+ignored"}
    assert made.counts["ignored"] == 1
    assert site.plan(replace(ADA, number="")).steps == ()
    assert kinds(site.sync(ADA)) == {"ada": "enable"}
    assert site.extensions == before


def test_extension_switched_off_by_hand_is_left_so() -> None:
    site = site_with(ADA)
    site.set_extension("1001", is_enabled=False)
    assert site.plan(ADA).steps == ()


def test_other_server_that_misses_a_person_is_believed_the_second_time() -> None:
    site = site_with(ADA, BOB)
    made = site.sync(BOB, server="dc2")
    assert kinds(made) == {"ada": "update"}
    assert len(made.warnings) == 1
    assert "ada" in made.warnings[0]
    assert (site.state("ada"), site.extensions["1001"].is_enabled) == (LinkState.ACTIVE, True)
    assert kinds(site.sync(BOB, server="dc2")) == {"ada": "missing"}


def test_person_found_again_meanwhile_is_given_another_chance() -> None:
    site = site_with(ADA, BOB)
    site.sync(BOB, server="dc2")
    assert kinds(site.sync(ADA, BOB, server="dc1")) == {"ada": "update"}
    assert kinds(site.sync(BOB, server="dc2")) == {"ada": "update"}
    assert site.state("ada") is LinkState.ACTIVE


def test_change_of_server_alone_writes_nothing() -> None:
    site = site_with(ADA, BOB)
    assert site.plan(ADA, BOB, server="dc2").steps == ()


def test_source_without_server_ids_is_believed_at_once() -> None:
    site = Site(source="file")
    site.sync(ADA, BOB, server="")
    assert kinds(site.sync(BOB, server="")) == {"ada": "missing"}


@pytest.mark.parametrize(
    ("people", "moved"),
    [
        ([replace(ADA, is_enabled=False), BOB], []),
        ([BOB], []),
        ([BOB], ["ada"]),
        ([replace(ADA, number=""), BOB], []),
    ],
)
def test_report_only_warns(people: list[Person], moved: list[str]) -> None:
    site = site_with(ADA, BOB, policy=REPORTING)
    made = site.plan(*people, out_of_scope=moved)
    assert made.steps == ()
    assert len(made.warnings) == 1
    assert made.warnings[0].endswith(": ada")


def test_report_only_leaves_alone_who_was_switched_off_before() -> None:
    site = site_with(ADA, BOB)
    site.sync(BOB)
    site.policy = REPORTING
    made = site.plan(BOB, replace(ADA, is_enabled=False))
    assert (made.steps, made.warnings) == ((), ())
