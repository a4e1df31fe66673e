"""What was last seen of devices and of strangers: statements and row mapping."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.exc import IntegrityError

from offhook.core.mac import Mac
from offhook.core.model import Sighting, UnknownPhone
from offhook.store import tables
from offhook.store.rows import rows_of
from offhook.store.upsert import upsert, upsert_tuples
from offhook.store.values import from_us, from_us_or_none, storable, to_us, to_us_or_none

# How many MACs one statement asks for: databases limit the values of a statement.
_MACS_A_STATEMENT = 500

UnknownNote = tuple[Mac, UnknownPhone | None]
"""The newest state of an unknown phone, or None to forget it."""


Delivered = Mapping[Mac, Mapping[str, str]]
"""File names and digests by device."""


def load_sightings(connection: Connection) -> list[Sighting]:
    """Read the sighting of every device that was seen."""
    table = tables.deliveries
    delivered: dict[str, dict[str, str]] = {}
    once: dict[str, str] = {}  # a common file has one name and one digest on every phone
    for mac, file, digest in rows_of(connection, select(table.c.mac, table.c.file, table.c.digest)):
        if mac not in file:
            file, digest = once.setdefault(file, file), once.setdefault(digest, digest)
        files = delivered.get(mac)
        if files is None:
            delivered[mac] = {file: digest}
        else:
            files[file] = digest
    seen = tables.sightings
    statement = select(
        seen.c.mac,
        seen.c.address,
        seen.c.user_agent,
        seen.c.firmware,
        seen.c.last_contact_us,
        seen.c.last_provisioned_us,
    )
    return [
        Sighting(
            mac=Mac(int(mac, 16)),
            address=address,
            user_agent=sys.intern(user_agent),
            firmware=sys.intern(firmware),
            last_contact=from_us_or_none(contact_us),
            last_provisioned=from_us_or_none(provisioned_us),
            delivered=delivered.get(mac, {}),
        )
        for mac, address, user_agent, firmware, contact_us, provisioned_us in rows_of(
            connection, statement
        )
    ]


def write_sightings(
    connection: Connection, sightings: Sequence[Sighting], stored: Delivered | None = None
) -> None:
    """Replace the sightings of the given devices; one of a device deleted meanwhile is dropped.

    `stored` are the deliveries of each device that are in the database already, when known: the
    very same mapping is not compared again.
    """
    kept = sightings
    savepoint = connection.begin_nested()
    try:
        _put_sightings(connection, kept)
    except IntegrityError:  # rare, so nobody looks for it before
        savepoint.rollback()
        known = _which_exist(connection, [sighting.mac.plain for sighting in sightings])
        kept = [sighting for sighting in sightings if sighting.mac.plain in known]
        _put_sightings(connection, kept)
    else:
        savepoint.commit()
    _write_deliveries(
        connection,
        {
            sighting.mac.plain: {storable(file): it for file, it in sighting.delivered.items()}
            for sighting in kept
            if stored is None or stored.get(sighting.mac) is not sighting.delivered
        },
    )


def _put_sightings(connection: Connection, sightings: Sequence[Sighting]) -> None:
    rows = [
        (
            sighting.mac.plain,
            storable(sighting.address),
            storable(sighting.user_agent),
            storable(sighting.firmware),
            to_us_or_none(sighting.last_contact),
            to_us_or_none(sighting.last_provisioned),
        )
        # In the order they are stored: each page is changed once.
        for sighting in sorted(sightings, key=attrgetter("mac"))
    ]
    upsert_tuples(connection, tables.sightings, rows)


def _write_deliveries(connection: Connection, wanted: Mapping[str, dict[str, str]]) -> None:
    # Most sightings deliver what was delivered before: reading is a tenth of writing. Nothing is
    # taken away: what this sighting does not know may have been delivered by another node.
    stored: dict[str, dict[str, str]] = {mac: {} for mac in wanted}
    table = tables.deliveries
    for macs in _pieces(list(wanted)):
        statement = select(table.c.mac, table.c.file, table.c.digest).where(table.c.mac.in_(macs))
        for mac, file, digest in connection.execute(statement):
            stored[mac][file] = digest
    upsert(
        connection,
        table,
        [
            {"mac": mac, "file": file, "digest": digest}
            for mac, files in wanted.items()
            for file, digest in files.items()
            if stored[mac].get(file) != digest
        ],
    )


def _which_exist(connection: Connection, macs: Sequence[str]) -> set[str]:
    column = tables.devices.c.mac
    found: set[str] = set()
    for some in _pieces(macs):
        found.update(connection.execute(select(column).where(column.in_(some))).scalars())
    return found


def _pieces(macs: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(macs), _MACS_A_STATEMENT):
        yield macs[start : start + _MACS_A_STATEMENT]


def load_unknown(connection: Connection, macs: Collection[str] | None = None) -> list[UnknownPhone]:
    """Read unknown phones, all or some, the longest silent first."""
    table = tables.unknown_phones
    statement = select(
        table.c.mac,
        table.c.vendor,
        table.c.model,
        table.c.firmware,
        table.c.address,
        table.c.user_agent,
        table.c.first_seen_us,
        table.c.last_seen_us,
        table.c.count,
    ).order_by(table.c.last_seen_us, table.c.mac)
    chosen = statement if macs is None else statement.where(table.c.mac.in_(macs))
    rows = connection.execute(chosen)
    return [
        UnknownPhone(
            mac=Mac(int(mac, 16)),
            vendor=vendor,
            model=model,
            firmware=firmware,
            address=address,
            user_agent=user_agent,
            first_seen=from_us(first_us),
            last_seen=from_us(last_us),
            count=count,
        )
        for mac, vendor, model, firmware, address, user_agent, first_us, last_us, count in rows
    ]


def write_unknown(connection: Connection, notes: Sequence[UnknownNote]) -> None:
    """Put or forget unknown phones; each MAC at most once."""
    forgotten = [{"gone": mac.plain} for mac, phone in notes if phone is None]
    if forgotten:
        table = tables.unknown_phones
        connection.execute(delete(table).where(table.c.mac == bindparam("gone")), forgotten)
    upsert(
        connection,
        tables.unknown_phones,
        [
            {
                "mac": phone.mac.plain,
                "vendor": phone.vendor,
                "model": storable(phone.model),
                "firmware": storable(phone.firmware),
                "address": storable(phone.address),
                "user_agent": storable(phone.user_agent),
                "first_seen_us": to_us(phone.first_seen),
                "last_seen_us": to_us(phone.last_seen),
                "count": phone.count,
            }
            for _, phone in notes
            if phone is not None
        ],
    )
