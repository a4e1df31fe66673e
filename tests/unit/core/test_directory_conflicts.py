"""Plans where hands, problems or several people stand against each other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.core.directory import (
    LinkState,
    Person,
)
from offhook.core.secret import Secret
from tests.unit.core.directory_site import (
    ADA,
    ADOPTING,
    BOB,
    POLICY,
    Site,
    conflicts,
    kinds,
    manual,
    site_with,
    someone,
    unusable,
)

# --- problems and hands --------------------------------------------------------------------------


def test_unusable_person_counts_as_present_and_keeps_everything() -> None:
    site = site_with(ADA, BOB)
    made = site.plan(BOB, problems=[unusable("ada")])
    assert made.steps == ()
    assert [it.login for it in made.problems] == ["ada"]
    assert (made.counts["people"], made.counts["problems"]) == (2, 1)


def test_unusable_person_whose_account_is_disabled_is_switched_off() -> None:
    site = site_with(ADA, BOB)
    gone = unusable("ada", is_enabled=False)
    assert kinds(site.sync(BOB, problems=[gone])) == {"ada": "disable"}
    assert site.plan(BOB, problems=[gone, unusable("new", is_enabled=False)]).steps == ()
    assert site.links["guid-ada"].name == "Ada"


@pytest.mark.parametrize(
    ("override", "change"),
    [("name", {"name": "New"}), ("email", {"email": "n@e"}), ("number", {"number": "1009"})],
)
def test_field_set_by_hand_stays_until_released(override: str, change: dict[str, str]) -> None:
    site = site_with(ADA)
    site.set_link("ada", overrides=frozenset({override}))
    before = dict(site.extensions)
    site.sync(replace(ADA, **change))
    assert site.extensions == before
    assert site.links["guid-ada"].overrides == {override}
    site.set_link("ada", overrides=frozenset())
    site.sync(replace(ADA, **change))
    assert site.extensions != before


def test_number_set_by_hand_needs_none_in_the_directory() -> None:
    site = site_with(ADA)
    site.set_link("ada", overrides=frozenset({"number"}))
    assert site.plan(replace(ADA, number="")).steps == ()


def test_who_is_ignored_by_hand_is_left_in_peace() -> None:
    site = site_with(ADA, BOB)
    site.set_link("ada", state=LinkState.IGNORED, is_ignored_by_hand=True)
    for made in (
        site.plan(replace(ADA, name="New", number="1009"), BOB),
        site.plan(BOB),
        site.plan(BOB, problems=[unusable("ada", is_enabled=False)]),
    ):
        assert made.steps == ()
    assert site.plan(ADA, BOB).counts["ignored"] == 1


@pytest.mark.parametrize("is_present", [True, False])
def test_extension_deleted_here_is_not_made_again(is_present: bool) -> None:
    site = site_with(ADA, BOB)
    del site.extensions["1001"]
    people = (ADA, BOB) if is_present else (BOB,)
    assert kinds(site.sync(*people)) == {"ada": "ignored"}
    assert site.links["guid-ada"].is_ignored_by_hand
    assert site.plan(ADA, BOB).steps == ()
    assert kinds(site.sync(ADA, BOB, someone("zoe", "1001"))) == {"zoe": "create"}


def test_extension_made_anew_by_hand_belongs_to_the_hand() -> None:
    site = site_with(ADA)
    site.extensions["1001"] = manual("1001")
    site.sync(replace(ADA, name="New"))
    assert site.extensions["1001"] == manual("1001")


# --- one number, several wishes ------------------------------------------------------------------


def test_two_new_people_with_one_number_get_nothing_and_both_are_told() -> None:
    site = Site()
    pair = someone("ada", "1001"), someone("bob", "1001")
    made = site.sync(*pair)
    assert kinds(made) == {"ada": "conflict", "bob": "conflict"}
    assert conflicts(made) == {"ada": "ada, bob", "bob": "ada, bob"}
    assert site.extensions == {}
    again = site.plan(*pair)
    assert again.steps == ()
    assert conflicts(again) == conflicts(made)
    assert again.counts["conflict"] == 2


def test_conflict_ends_when_the_directory_is_corrected() -> None:
    site = site_with(someone("ada", "1001"), someone("bob", "1001"))
    assert kinds(site.sync(ADA, BOB)) == {"ada": "create", "bob": "create"}
    assert {site.state("ada"), site.state("bob")} == {LinkState.ACTIVE}


@pytest.mark.parametrize(
    "later",
    [[someone("bob")], [someone("bob", "1001", is_enabled=False)], []],
)
def test_conflict_ends_when_one_gives_way(later: list[Person]) -> None:
    site = site_with(someone("ada", "1001"), someone("bob", "1001"))
    assert kinds(site.sync(ADA, *later)) == {"ada": "create", "bob": "ignored"}
    assert site.plan(ADA, *later).steps == ()


def test_disabled_person_never_displaces_an_enabled_one() -> None:
    site = Site()
    off = someone("aaron", "1001", is_enabled=False)
    made = site.sync(ADA, off)
    assert (kinds(made), made.problems) == ({"ada": "create"}, ())


def test_existing_link_wins_over_newcomers() -> None:
    site = site_with(ADA)
    made = site.sync(ADA, someone("zoe", "1001"))
    assert kinds(made) == {"zoe": "conflict"}
    assert conflicts(made) == {"zoe": "ada, zoe"}


def test_number_that_two_linked_people_want_goes_to_neither() -> None:
    site = site_with(ADA, BOB)
    both = replace(ADA, number="1009", name="New"), replace(BOB, number="1009")
    before = dict(site.extensions)
    made = site.sync(*both)
    assert kinds(made) == {"ada": "conflict", "bob": "conflict"}
    assert site.extensions == before
    assert site.plan(*both).steps == ()
    assert kinds(site.sync(ADA, BOB)) == {"ada": "update", "bob": "update"}
    assert site.state("ada") is LinkState.ACTIVE


def test_exchanged_numbers_stay_until_somebody_decides() -> None:
    site = site_with(ADA, BOB)
    before = dict(site.extensions)
    made = site.sync(replace(ADA, number="1002"), replace(BOB, number="1001"))
    assert kinds(made) == {"ada": "conflict", "bob": "conflict"}
    assert site.extensions == before


def test_vacated_number_is_not_handed_on() -> None:
    site = site_with(ADA, BOB)
    people = replace(ADA, number="1009"), replace(BOB, number="1001")
    assert kinds(site.sync(*people)) == {"ada": "renumber", "bob": "conflict"}
    assert site.plan(*people).steps == ()


def test_contested_person_can_still_be_switched_off() -> None:
    site = site_with(ADA, BOB)
    site.sync(ADA, replace(BOB, number="1001"))
    assert kinds(site.sync(ADA, replace(BOB, number="1001", is_enabled=False))) == {
        "bob": "disable"
    }


def test_returning_person_whose_new_number_is_taken_waits() -> None:
    site = site_with(ADA, BOB)
    site.sync(ADA)
    back = replace(BOB, number="1001")
    made = site.sync(ADA, back)
    assert (made.steps, conflicts(made)) == ((), {"bob": "ada, bob"})
    assert kinds(site.sync(ADA, BOB)) == {"bob": "return"}


def test_long_list_of_rivals_is_cut() -> None:
    made = Site().plan(*(someone(f"p{place:02}", "1001") for place in range(25)))
    assert str(conflicts(made)["p00"]).endswith("p18, p19 and 5 more")


@pytest.mark.parametrize("source", ["manual", "file"])
def test_extension_of_another_hand_is_a_conflict(source: str) -> None:
    site = Site(extensions={"1001": manual("1001", source=source)})
    made = site.sync(ADA)
    assert kinds(made) == {"ada": "conflict"}
    assert site.extensions == {"1001": manual("1001", source=source)}
    assert "not of this directory" in made.problems[0].message


@pytest.mark.parametrize(
    ("adopt", "name", "expected"),
    [
        ("never", "Ada", "conflict"),
        ("name_matches", "  ADA ", "adopt+rename"),
        ("name_matches", "Ada", "adopt"),
        ("name_matches", "By Hand", "conflict"),
        ("always", "By Hand", "adopt+rename"),
    ],
)
def test_adoption_is_a_policy(adopt: str, name: str, expected: str) -> None:
    site = Site(policy=replace(POLICY, adopt=adopt), extensions={"1001": manual("1001", name=name)})
    assert kinds(site.sync(ADA)) == {"ada": expected}
    extension = site.extensions["1001"]
    if expected != "conflict":
        assert (extension.source, extension.name) == ("ad", "Ada")
    assert extension.secret == Secret("typed")
    assert site.plan(ADA).steps == ()


def test_adopted_extension_keeps_an_email_that_the_directory_lacks() -> None:
    typed = replace(manual("1001"), email="typed@example.test")
    site = Site(policy=ADOPTING, extensions={"1001": typed})
    site.sync(ADA)
    assert site.extensions["1001"].email == "typed@example.test"
    assert kinds(site.sync(replace(ADA, email="a@b"))) == {"ada": "update"}


def test_nobody_moves_onto_an_extension_made_by_hand() -> None:
    site = site_with(ADA, policy=ADOPTING)
    site.extensions["1009"] = manual("1009")
    assert kinds(site.sync(replace(ADA, number="1009"))) == {"ada": "conflict"}
    assert site.extensions["1009"] == manual("1009")


def test_extension_that_another_directory_holds_is_never_adopted() -> None:
    site = site_with(ADA, source="file", policy=ADOPTING)
    site.source = "ad"
    made = site.sync(someone("ada-in-ad", "1001"))
    assert kinds(made) == {"ada-in-ad": "conflict"}
    assert conflicts(made) == {"ada-in-ad": "ada, ada-in-ad"}
    assert site.state("ada") is LinkState.ACTIVE


@pytest.mark.parametrize(("adopt", "expected"), [("never", {}), ("always", {"ada": "adopt"})])
def test_without_create_only_adoption_links(adopt: str, expected: dict[str, str]) -> None:
    site = Site(
        policy=replace(POLICY, can_create=False, adopt=adopt),
        extensions={"1001": manual("1001", name="Ada")},
    )
    made = site.sync(ADA, BOB)
    assert (kinds(made), made.problems) == (expected, ())


def test_person_without_number_set_by_hand_and_without_extension_is_ignored() -> None:
    site = site_with(someone("ada", "1001"), someone("bob", "1001"))
    site.set_link("ada", overrides=frozenset({"number"}))
    assert kinds(site.sync(ADA)) == {"ada": "ignored", "bob": "ignored"}
