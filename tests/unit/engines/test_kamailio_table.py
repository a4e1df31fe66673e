"""The table of all nodes: events, dumps, and both at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from offhook.core.model import Registration
from offhook.engines.kamailio_location import Location
from offhook.engines.kamailio_table import Bound, Gone, LocationTable, united

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=300)


def location(
    contact: str = "sip:1001@192.0.2.5", *, call_id: str = "a", cseq: int = 1, **more: str
) -> Location:
    registration = Registration(
        extension="1001",
        contact=contact,
        source="udp:192.0.2.5:5060",
        call_id=call_id,
        cseq=cseq,
        registered_at=NOW,
        refreshed_at=NOW,
        expires_at=LATER,
    )
    return Location(registration=registration, **{"node": "n1", "socket": "udp:a:1", **more})


def merge(table: LocationTable, *found: Location, touched: set[tuple[str, str]]) -> list[object]:
    return list(table.merge({item.key: item for item in found}, touched, lambda item: True))


def test_the_same_event_twice_is_told_once() -> None:
    table = LocationTable()
    first = table.put(location())
    assert isinstance(first, Bound)
    assert first.is_new
    assert table.put(location()) is None


def test_an_older_event_changes_nothing() -> None:
    table = LocationTable()
    table.put(location(cseq=5))
    assert table.put(location(cseq=4)) is None
    assert table.of("1001")[0].registration.cseq == 5


def test_a_dump_that_was_asked_before_an_event_does_not_undo_it() -> None:
    table = LocationTable()
    table.put(location("sip:1001@old"))
    with table.watching() as touched:
        table.drop(location("sip:1001@old"), "removed")
        table.put(location("sip:1001@new"))
    assert merge(table, location("sip:1001@old"), touched=touched) == []
    assert [item.registration.contact for item in table.all()] == ["sip:1001@new"]


def test_a_dump_ends_what_it_lacks_and_adds_what_it_has() -> None:
    table = LocationTable()
    table.put(location("sip:1001@gone"))
    effects = merge(table, location("sip:1001@new"), touched=set())
    assert [type(effect) for effect in effects] == [Bound, Gone]
    assert len(table) == 1


def test_what_nobody_refreshed_expires() -> None:
    table = LocationTable()
    table.put(location())
    assert table.expire(NOW) == []
    [gone] = table.expire(LATER)
    assert isinstance(gone, Gone)
    assert gone.reason == "expired"
    assert len(table) == 0


def test_a_contact_that_means_the_same_is_found() -> None:
    table = LocationTable()
    table.put(location("sip:1001@HOST.example:5060"))
    assert table.find("1001", "sip:1001@host.example:5060") is not None
    assert table.find("1001", "sip:1001@host.example") is None


def test_copies_at_other_nodes_count_once_and_the_owner_stays() -> None:
    own = location(node="n1", socket="udp:a:1")
    copy = location(node="n2", socket="")
    for dumps in ([[own], [copy]], [[copy], [own]]):
        [found] = united(dumps, {"udp:a:1": "n1"}).values()
        assert (found.node, found.socket) == ("n1", "udp:a:1")


def test_the_owner_is_the_node_with_the_socket_not_the_one_that_told() -> None:
    [found] = united([[location(node="n2")]], {"udp:a:1": "n1"}).values()
    assert found.node == "n1"


def test_a_copy_does_not_take_a_contact_from_its_owner() -> None:
    table = LocationTable()
    table.put(location())
    merge(table, location(node="n2", socket=""), touched=set())
    [kept] = table.of("1001")
    assert (kept.node, kept.socket) == ("n1", "udp:a:1")


def test_the_newest_of_two_copies_counts() -> None:
    old = location(call_id="old")
    new = location(call_id="new", node="n2", socket="udp:b:1")
    newer = replace(
        new, registration=replace(new.registration, refreshed_at=NOW + timedelta(seconds=5))
    )
    [found] = united([[old], [newer]], {}).values()
    assert found.registration.call_id == "new"
