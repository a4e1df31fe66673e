"""Any directory after any other: what a synchronisation must never do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.directory import Brake, DirectoryPolicy, LinkState, Person, StepKind
from tests.unit.core.directory_site import Site, manual, someone, unusable

LOGINS = [f"p{place}" for place in range(9)]
NUMBERS = [str(number) for number in range(100, 108)]
POLICY = DirectoryPolicy(
    max_disable=Brake(percent=10, at_least=3),
    max_create=7,
    max_renumber=Brake(percent=10, at_least=3),
    max_rename=Brake(percent=10, at_least=4),
)

entries = st.builds(
    dict,
    number=st.sampled_from([*NUMBERS, ""]),
    name=st.sampled_from(["Ada", "Bob", "By Hand"]),
    email=st.sampled_from(["", "a@b"]),
    is_enabled=st.sampled_from([True, True, True, False]),
)
directories = st.fixed_dictionaries(
    {
        "people": st.dictionaries(st.sampled_from(LOGINS), entries),
        "unusable": st.sets(st.sampled_from(LOGINS), max_size=2),
        "moved": st.sets(st.sampled_from(LOGINS), max_size=2),
        "server": st.sampled_from(["dc1", "dc2"]),
        "overridden": st.sets(
            st.tuples(st.sampled_from(LOGINS), st.sampled_from(["name", "number"]))
        ),
        "deleted": st.sets(st.sampled_from(NUMBERS), max_size=1),
    }
)
policies = st.builds(
    lambda **values: replace(POLICY, **values),
    adopt=st.sampled_from(["never", "never", "name_matches", "always"]),
    can_create=st.sampled_from([True, True, True, False]),
    on_disabled=st.sampled_from(["disable", "disable", "report"]),
    on_missing=st.sampled_from(["disable", "disable", "report"]),
    grace_days=st.sampled_from([0, 90]),
)


def hands_at_work(site: Site, directory: dict[str, object]) -> None:
    for login, override in directory["overridden"]:
        link = site.links.get(f"guid-{login}")
        if link is not None:
            site.set_link(login, overrides=link.overrides ^ {override})
    for number in directory["deleted"]:
        site.extensions.pop(number, None)


def run_once(site: Site, directory: dict[str, object], *, is_forced: bool = False) -> None:
    people: list[Person] = [
        someone(login, **values)
        for login, values in directory["people"].items()
        if login not in directory["unusable"]
    ]
    how = {
        "problems": [unusable(login) for login in directory["unusable"]],
        "server": directory["server"],
        "out_of_scope": directory["moved"],
    }
    made = site.plan(*people, **how)
    before, hand_made = dict(site.extensions), dict(site.links)
    if not made.brakes or is_forced:
        site.apply(made)
    check_extensions(site, before)
    check_links(site, hand_made)
    if made.brakes and not is_forced:
        assert (site.extensions, site.links) == (before, hand_made)
        return
    again = site.apply(site.plan(*people, **how))
    assert {step.kinds for step in again.steps} <= {(StepKind.MISSING,)}
    assert not again.steps or any("replication" in text for text in made.warnings)
    assert site.plan(*people, **how).steps == ()


def check_extensions(site: Site, before: dict[str, object]) -> None:
    old = {item.secret.reveal(): item for item in before.values()}
    new = {item.secret.reveal(): item for item in site.extensions.values()}
    assert len(new) == len(site.extensions)
    assert old.keys() <= new.keys(), "nothing is deleted, no secret changes"
    for secret, item in old.items():
        if item.source != site.source and site.policy.adopt == "never":
            assert new[secret] == item, "what others made is not touched"
    assert all(item.number == number for number, item in site.extensions.items())


def check_links(site: Site, before: dict[str, object]) -> None:
    held = [link for link in site.links.values() if link.number and not link.is_ignored_by_hand]
    assert len({link.number for link in held}) == len(held), "no number twice"
    assert before.keys() <= site.links.keys()
    for guid, link in site.links.items():
        for number in link.reserved:
            assert all(other.number != number or other.guid == guid for other in held)
        old = before.get(guid)
        is_new_state = old is None or old.state is not link.state
        if is_new_state and link.number:
            is_off_state = link.state in {LinkState.DISABLED, LinkState.MISSING, LinkState.IGNORED}
            assert site.extensions[link.number].is_enabled is not is_off_state


@settings(max_examples=80, deadline=None)
@given(policies, st.lists(directories, min_size=1, max_size=4), st.sets(st.sampled_from(NUMBERS)))
def test_invariants_hold_from_any_directory_to_any_other(
    policy: DirectoryPolicy, story: list[dict[str, object]], typed: set[str]
) -> None:
    site = Site(policy=policy)
    for number in sorted(typed):
        item = manual(number)
        site.extensions[number] = replace(item, secret=type(item.secret)(f"typed-{number}"))
    for directory in story:
        hands_at_work(site, directory)
        run_once(site, directory)


@settings(max_examples=50, deadline=None)
@given(st.lists(directories, min_size=2, max_size=4))
def test_secrets_follow_their_people_even_when_confirmed(story: list[dict[str, object]]) -> None:
    site = Site(policy=POLICY)
    secrets: dict[str, str] = {}
    for directory in story:
        run_once(site, {**directory, "deleted": (), "overridden": ()}, is_forced=True)
        for guid, link in site.links.items():
            if link.number:
                secret = site.extensions[link.number].secret.reveal()
                assert secrets.setdefault(guid, secret) == secret


@settings(max_examples=50, deadline=None)
@given(directories, directories)
def test_plan_without_a_brake_switches_off_no_more_than_its_limit(
    first: dict[str, object], second: dict[str, object]
) -> None:
    site = Site(policy=POLICY)
    calm = {"deleted": (), "overridden": ()}
    run_once(site, {**first, **calm}, is_forced=True)
    on_before = {item.secret for item in site.extensions.values() if item.is_enabled}
    count_before = len(site.extensions)
    people = [someone(login, **values) for login, values in second["people"].items()]
    made = site.plan(*people, server=first["server"])
    site.apply(made)
    on_after = {item.secret for item in site.extensions.values() if item.is_enabled}
    names = {hit.name for hit in made.brakes}
    assert ("max_disable" in names) == (len(on_before - on_after) > 3)
    assert ("max_create" in names) == (len(site.extensions) - count_before > 7)
    assert ("zero_people" in names) == (not people and bool(site.links))


def test_number_of_an_unusable_person_whose_extension_was_deleted_goes_to_one_other() -> None:
    site = Site(policy=POLICY)
    site.sync(someone("p0", number="100", name="Ada"))
    del site.extensions["100"]
    site.sync(someone("p1", number="100", name="Bob"), problems=[unusable("p0")])
    site.sync(someone("p0", number="100", name="Ada"), someone("p1", number="100", name="Bob"))
    assert site.links["guid-p0"].number == ""
    assert site.extensions["100"].name == "Bob"


def test_who_may_only_adopt_is_told_at_once_that_another_moves_there() -> None:
    site = Site(policy=replace(POLICY, adopt="always", can_create=False))
    site.extensions["105"] = manual("105")
    site.sync(someone("p3", number="105", name="Ada"))
    moved = [someone("p0", number="100"), someone("p3", number="100", name="Ada")]
    site.sync(*moved)
    assert site.links["guid-p3"].number == "100"
    assert site.links["guid-p0"].state is LinkState.CONFLICT
    assert site.plan(*moved).steps == ()


def test_who_may_only_adopt_has_nothing_to_wait_for_where_another_moves_away() -> None:
    site = Site(policy=replace(POLICY, adopt="always", can_create=False))
    site.extensions["100"] = manual("100")
    site.sync(someone("p3", number="100", name="Ada"))
    moved = [someone("p0", number="100"), someone("p3", number="105", name="Ada")]
    site.sync(*moved)
    assert site.links["guid-p3"].number == "105"
    assert "guid-p0" not in site.links
    assert site.plan(*moved).steps == ()
