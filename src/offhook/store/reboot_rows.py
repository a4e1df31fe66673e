"""Reboot records as rows, and back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, select

from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep
from offhook.store.tables import reboots
from offhook.store.values import from_us, from_us_or_none, storable, to_us, to_us_or_none


def load_reboots(connection: Connection, ids: Collection[str]) -> list[Reboot]:
    """Read some records, oldest first."""
    statement = select(reboots).where(reboots.c.id.in_(ids)).order_by(reboots.c.asked_us)
    return [reboot_of(row) for row in connection.execute(statement).mappings()] if ids else []


def row_of(reboot: Reboot) -> dict[str, Any]:
    """Give a record as a row; its texts are of phones."""
    return {
        "id": reboot.id,
        "mac": None if reboot.mac is None else reboot.mac.plain,
        "extension": reboot.extension,
        "contact": storable(reboot.contact),
        "vendor": reboot.vendor,
        "event": reboot.event,
        "reason": reboot.reason,
        "asked_by": reboot.asked_by,
        "asked_us": to_us(reboot.asked_at),
        "step": reboot.step.value,
        "steps": {step.value: to_us(moment) for step, moment in reboot.steps.items()},
        "sip_code": reboot.sip_code,
        "sip_reason": storable(reboot.sip_reason),
        "was_challenged": reboot.was_challenged,
        "fault": reboot.fault,
        "detail": storable(reboot.detail),
        "sent_by": reboot.sent_by,
        "claimed_us": to_us_or_none(reboot.claimed_at),
        "tries": reboot.tries,
        "is_forced": reboot.is_forced,
    }


def reboot_of(row: Mapping[Any, Any]) -> Reboot:
    """Give a row as a record."""
    return Reboot(
        id=row["id"],
        mac=None if row["mac"] is None else Mac(int(row["mac"], 16)),
        extension=row["extension"],
        contact=row["contact"],
        vendor=row["vendor"],
        event=row["event"],
        reason=row["reason"],
        asked_by=row["asked_by"],
        asked_at=from_us(row["asked_us"]),
        step=RebootStep(row["step"]),
        steps={RebootStep(step): from_us(moment) for step, moment in row["steps"].items()},
        sip_code=row["sip_code"],
        sip_reason=row["sip_reason"],
        was_challenged=row["was_challenged"],
        fault=row["fault"],
        detail=row["detail"],
        sent_by=row["sent_by"],
        claimed_at=from_us_or_none(row["claimed_us"]),
        tries=row["tries"],
        is_forced=row["is_forced"],
    )
