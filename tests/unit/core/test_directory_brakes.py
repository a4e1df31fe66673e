"""What stops a plan, how it is told apart from another, and when it is too old to apply."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.directory import (
    Brake,
    LinkState,
    Person,
    Plan,
    StepKind,
)
from offhook.core.directory_apply import Outdated, apply_step
from tests.unit.core.directory_site import (
    ADA,
    ADOPTING,
    BOB,
    EVE,
    NOW,
    POLICY,
    Site,
    kinds,
    manual,
    only_step,
    site_with,
    someone,
    unusable,
)

# --- brakes --------------------------------------------------------------------------------------


def crowd(count: int) -> list[Person]:
    return [someone(f"p{place:04}", str(10000 + place)) for place in range(count)]


def full_site(count: int) -> tuple[Site, list[Person]]:
    people = crowd(count)
    return site_with(*people), people


def hits(made: Plan) -> list[tuple[str, int, int]]:
    return [(hit.name, hit.count, hit.limit) for hit in made.brakes]


@pytest.mark.parametrize(
    ("total", "gone", "expected"),
    [
        (10, 5, []),
        (10, 6, [("max_disable", 6, 5)]),
        (100, 10, []),
        (100, 11, [("max_disable", 11, 10)]),
        (100, 40, [("max_disable", 40, 10)]),
    ],
)
def test_missing_and_disabled_together_are_limited(
    total: int, gone: int, expected: list[tuple[str, int, int]]
) -> None:
    site, people = full_site(total)
    off = [replace(person, is_enabled=False) for person in people[: gone // 2]]
    assert hits(site.plan(*off, *people[gone:])) == expected


def test_those_off_already_do_not_count() -> None:
    site, people = full_site(100)
    for start in (0, 10):
        site.sync(*people[start + 10 :], out_of_scope=[it.login for it in people[: start + 10]])
    assert site.plan(*people[20:]).brakes == ()


def test_numbers_taken_away_count_as_disabled() -> None:
    site, people = full_site(20)
    assert hits(site.plan(*(replace(it, number="") for it in people))) == [("max_disable", 20, 5)]


@pytest.mark.parametrize(("count", "expected"), [(50, []), (51, [("max_create", 51, 50)])])
def test_new_extensions_are_limited_from_the_first_run_on(
    count: int, expected: list[tuple[str, int, int]]
) -> None:
    assert hits(Site().plan(*crowd(count))) == expected


def test_new_numbers_and_names_are_limited() -> None:
    site, people = full_site(100)
    numbers = [replace(it, number=f"2{it.number}") for it in people]
    names = [replace(it, name=f"{it.name} New") for it in people]
    assert hits(site.plan(*numbers[:6], *people[6:])) == [("max_renumber", 6, 5)]
    assert hits(site.plan(*names[:30], *people[30:])) == []
    assert hits(site.plan(*names[:31], *people[31:])) == [("max_rename", 31, 30)]


def test_brake_names_the_first_twenty() -> None:
    site, _ = full_site(100)
    [hit] = site.plan(someone("other")).brakes
    assert hit.logins == tuple(f"p{place:04}" for place in range(20))


def test_nobody_at_all_is_refused_whatever_the_limits() -> None:
    open_policy = replace(
        POLICY, max_disable=Brake(percent=100, at_least=1000), on_missing="report"
    )
    site = site_with(ADA, policy=open_policy)
    assert hits(site.plan()) == [("zero_people", 1, 0)]
    assert hits(site.plan(problems=[unusable("ada")])) == []
    assert hits(Site().plan()) == []


# --- the plan as a value -------------------------------------------------------------------------


def test_same_directory_and_store_make_the_same_plan_in_any_order() -> None:
    site = site_with(ADA, BOB)
    people = [replace(ADA, name="New"), EVE, someone("zoe", "1003")]
    assert site.plan(*people) == site.plan(*reversed(people))
    assert [it.login for it in site.plan(*people).steps] == ["ada", "bob", "eve", "zoe"]


def test_id_knows_the_steps_but_neither_time_nor_server() -> None:
    site = site_with(ADA)
    renamed = replace(ADA, name="New")
    made = site.plan(renamed)
    site.now += timedelta(hours=1)
    assert site.plan(renamed, server="dc2").id == made.id
    assert site.plan(replace(ADA, name="Newer")).id != made.id
    assert site.plan(replace(renamed, dn="CN=other")).id != made.id
    assert len(made.id) == 16
    int(made.id, 16)


def test_counts_have_every_kind() -> None:
    made = Site().plan(ADA, someone("x"), problems=[unusable("bad")])
    assert made.counts == {
        **dict.fromkeys((kind.value for kind in StepKind), 0),
        "create": 1,
        "ignored": 1,
        "people": 3,
        "problems": 1,
    }


def test_stale_claim_of_a_second_link_loses() -> None:
    site = site_with(ADA)
    stale = replace(site.links["guid-ada"], guid="guid-a", state=LinkState.MISSING, login="old")
    site.links["guid-a"] = stale
    made = site.plan(ADA)
    assert kinds(made) == {"old": "ignored"}


# --- applying to what has changed meanwhile ------------------------------------------------------


def outdated(site: Site, made: Plan) -> str:
    found = apply_step(site.extensions, site.links, only_step(made), NOW, site.secret)
    assert isinstance(found, Outdated), found
    return found.reason


def test_number_taken_since_the_plan_is_not_overwritten() -> None:
    site = Site()
    made = site.plan(ADA)
    site.extensions["1001"] = manual("1001")
    assert outdated(site, made) == "extension 1001 exists by now"
    site = site_with(ADA)
    made = site.plan(replace(ADA, number="1009"))
    site.extensions["1009"] = manual("1009")
    assert outdated(site, made) == "extension 1009 exists by now"


def test_extension_changed_since_the_plan_is_not_overwritten() -> None:
    site = site_with(ADA)
    made = site.plan(replace(ADA, name="New"))
    site.set_extension("1001", name="Typed")
    assert outdated(site, made) == "name of extension 1001 was changed by hand"
    site.extensions["1001"] = manual("1001")
    assert outdated(site, made) == "extension 1001 is not of this directory any more"
    del site.extensions["1001"]
    assert outdated(site, made) == "extension 1001 does not exist any more"


@pytest.mark.parametrize(
    "by_hand", [{"overrides": frozenset({"name"})}, {"is_ignored_by_hand": True}]
)
def test_link_changed_since_the_plan_is_not_overwritten(by_hand: dict[str, object]) -> None:
    site = site_with(ADA)
    made = site.plan(replace(ADA, name="New"))
    site.set_link("ada", **by_hand)
    assert outdated(site, made) == "the link of ada was changed by hand"


def test_adoption_of_what_somebody_adopted_meanwhile_is_outdated() -> None:
    site = Site(policy=ADOPTING, extensions={"1001": manual("1001", name="Ada")})
    made = site.plan(ADA)
    site.set_extension("1001", source="file")
    assert outdated(site, made) == "source of extension 1001 was changed by hand"
