"""Records to store, and the databases to store them in."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, delete, make_url, text

from offhook.core.mac import Mac
from offhook.core.model import (
    Attempt,
    Change,
    Device,
    Extension,
    Line,
    OutcomeKind,
    Reboot,
    RebootStep,
    Registration,
    Sighting,
    UnknownPhone,
)
from offhook.core.secret import Secret
from offhook.sip.bindings import Binding
from offhook.store.lease import LEAD
from offhook.store.open import Store, open_store
from offhook.store.tables import leases

T0 = datetime(2025, 12, 5, 19, 0, 0, 123457, tzinfo=UTC)
BACKENDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))]


def later(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


@contextmanager
def fresh_url(request: pytest.FixtureRequest, backend: str, folder: Path) -> Iterator[str]:
    """Give the URL of a database that does not exist yet, or is empty; removed afterwards."""
    if backend == "sqlite":
        yield f"sqlite:///{folder}/data/offhook.db"
        return
    url = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    name = f"offhook_test_{uuid.uuid4().hex}"
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield url.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


async def open_at(
    url: str,
    folder: Path,
    *,
    keep_days: int = 0,
    keep_rows: int = 0,
    keep_changes_days: int = 0,
    at: datetime = T0,
    is_leading: bool = True,
) -> Store:
    store = await open_store(
        url,
        key_file=folder / "data" / "secret.key",
        keep_days=keep_days,
        keep_rows=keep_rows,
        keep_changes_days=keep_changes_days,
        now=lambda: at,
    )
    if store.several is not None and is_leading:
        await store.database.run(lambda it: it.execute(delete(leases)) and None)
        assert await store.several.leases.take(LEAD, 3600)
        store.lead.hold(float("inf"))
        store.journal.prune()
    return store


def mac(number: int) -> Mac:
    return Mac(0x001565000000 + number)


def extension(number: int = 1001, **other: Any) -> Extension:
    values: dict[str, Any] = {
        "number": str(number),
        "name": f"Person {number}",
        "secret": Secret(f"secret-of-{number}"),
        "email": f"p{number}@example.com",
        "created_at": T0,
    }
    return Extension(**(values | other))


def device(number: int = 1, **other: Any) -> Device:
    values: dict[str, Any] = {
        "mac": mac(number),
        "vendor": "yealink",
        "model": "t46s",
        "lines": (Line(index=1, extension=str(1000 + number)),),
        "admin_password": Secret(f"admin-of-{number}"),
        "created_at": T0,
        "updated_at": later(1),
    }
    return Device(**(values | other))


def attempt(number: int = 1, **other: Any) -> Attempt:
    name = f"{mac(number).plain}.cfg"
    values: dict[str, Any] = {
        "request_id": f"r{number}",
        "at": later(number),
        "transport": "http",
        "method": "GET",
        "path": name,
        "address": "192.0.2.5",
        "user_agent": "Yealink SIP-T46S 66.85.0.5",
        "mac_text": mac(number).plain,
        "mac": mac(number),
        "file": name,
        "kind": OutcomeKind.SERVED,
        "status": 200,
    }
    return Attempt(**(values | other))


def refused(number: int = 1, **other: Any) -> Attempt:
    values = {"kind": OutcomeKind.REFUSED, "status": 404, "fault": "P301", "error": "no device"}
    return attempt(number, **(values | other))


def sighting(number: int = 1, **other: Any) -> Sighting:
    values: dict[str, Any] = {
        "mac": mac(number),
        "address": "192.0.2.5",
        "user_agent": "Yealink SIP-T46S 66.85.0.5",
        "firmware": "66.85.0.5",
        "last_contact": later(5),
        "last_provisioned": later(6),
        "delivered": {"y000000000028.cfg": "ab" * 32, f"{mac(number).plain}.cfg": "cd" * 32},
    }
    return Sighting(**(values | other))


def unknown(number: int = 1, **other: Any) -> UnknownPhone:
    values: dict[str, Any] = {
        "mac": mac(number),
        "vendor": "yealink",
        "model": "T46S",
        "firmware": "66.85.0.5",
        "address": "192.0.2.9",
        "user_agent": "Yealink SIP-T46S 66.85.0.5",
        "first_seen": T0,
        "last_seen": later(number),
        "count": 3,
    }
    return UnknownPhone(**(values | other))


def registration(number: int = 1001, contact: str = "sip:1001@192.0.2.5", **other: Any) -> Any:
    values: dict[str, Any] = {
        "extension": str(number),
        "contact": contact,
        "source": "udp:192.0.2.5:5060",
        "call_id": "abc@192.0.2.5",
        "cseq": 2**31 - 1,
        "registered_at": T0,
        "refreshed_at": later(1),
        "expires_at": later(3600),
    }
    return Registration(**(values | other))


def binding(number: int = 1001, contact: str = "sip:1001@192.0.2.5", **other: Any) -> Binding:
    values: dict[str, Any] = {
        "aor": str(number),
        "contact": contact,
        "source": "udp:192.0.2.5:5060",
        "call_id": "abc@192.0.2.5",
        "cseq": 2**31 - 1,
        "registered_at": T0.timestamp(),
        "refreshed_at": later(1).timestamp(),
        "expires_at": later(3600).timestamp(),
    }
    return Binding(**(values | other))


def change(subject: str = "1001", **other: Any) -> Change:
    values: dict[str, Any] = {
        "at": T0,
        "actor": "admin",
        "noun": "extension",
        "subject": subject,
        "action": "rename",
        "before": {"name": "Old"},
        "after": {"name": "New"},
    }
    return Change(**(values | other))


def reboot(reboot_id: str = "a", **other: Any) -> Reboot:
    values: dict[str, Any] = {
        "id": reboot_id,
        "mac": mac(1),
        "extension": "1001",
        "contact": "sip:1001@192.0.2.5:5060;transport=udp",
        "vendor": "yealink",
        "event": "check-sync;reboot=true",
        "reason": "renamed",
        "asked_by": "admin",
        "asked_at": T0,
        "step": RebootStep.PENDING,
    }
    return Reboot(**(values | other))
