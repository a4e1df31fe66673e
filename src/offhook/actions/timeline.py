"""All that happened to one phone in one list: requests, SIP, orders to fetch, changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from offhook.actions.ports import AttemptQuery, InventoryStore, Journal, RebootStore
from offhook.actions.state import State
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Change, Device, Reboot, RebootStep, SipRecord
from offhook.diagnosis.evidence import attempt_line, shown

LIMIT = 1000
_WORDS = {
    "registered": "registered",
    "restarted": "registered anew: a new Call-ID, so it has restarted",
    "removed": "took its registration back",
    "expired": "its registration expired: it did not refresh it in time",
    "challenged": "asked to register without usable credentials",
    "stale": "registered with an old or used nonce",
    "wrong_digest": "refused: wrong SIP password",
    "unknown_user": "refused: no such user",
    "wrong_user": "refused: user of another extension",
    "barred": "refused: too many failures",
    "other_uri": "refused: credentials for another URI",
    "refused": "REGISTER refused",
    "call_failed": "call to it failed",
    "tls_failed": "TLS with its address failed:",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One line of a timeline.

    `kind`: request, sip, reboot or change. `fault` is a fault's code or empty; `reference` the id
    of the request or reboot it is of.
    """

    at: datetime
    kind: str
    what: str
    status: int = 0
    fault: str = ""
    reference: str = ""


@dataclass(slots=True)
class Timeline:
    """Puts a phone's history together from what each store keeps of it."""

    state: State
    journal: Journal
    reboots: RebootStore
    inventory: InventoryStore

    async def of(self, mac: Mac, limit: int, before: datetime | None = None) -> list[Moment]:
        """Give the newest moments, newest first; `before` pages on from the oldest one seen."""
        device = self.state.devices.get(mac)
        numbers = [line.extension for line in device.lines] if device else []
        _, attempts = await self.journal.attempts(AttemptQuery(limit=limit, mac=mac, before=before))
        records = await self.journal.sip_records(mac, numbers, limit=limit, before=before)
        moments = [*map(_request, attempts), *map(_sip, records)]
        for reboot in await self.reboots.list_reboots(limit, mac, before=before):
            moments += _steps(reboot)
        for subject in _subjects(mac, device):
            changes = await self.inventory.list_changes(limit, subject=subject, before=before)
            moments += map(_change, changes)
        if before is not None:
            moments = [moment for moment in moments if moment.at < before]
        return sorted(moments, key=lambda moment: moment.at, reverse=True)[:limit]


def _subjects(mac: Mac, device: Device | None) -> Iterable[str]:
    """Name what changes the phone's files: itself, its extensions, the scopes of its settings."""
    yield mac.plain
    if device is None:
        return
    yield from dict.fromkeys(line.extension for line in device.lines)
    yield from ("site", f"vendor {device.vendor}", f"model {device.vendor}/{device.model}")


def _request(attempt: Attempt) -> Moment:
    return Moment(
        at=attempt.at,
        kind="request",
        what=attempt_line(attempt).what,
        status=attempt.status,
        fault=attempt.fault or ",".join(attempt.notices),
        reference=attempt.request_id,
    )


def _sip(record: SipRecord) -> Moment:
    words = _WORDS.get(record.kind, record.kind)
    agent = f", User-Agent {shown(record.user_agent)}" if record.user_agent else ""
    detail = f" {shown(record.detail)}" if record.detail else ""
    return Moment(
        at=record.at,
        kind="sip",
        what=f"extension {record.extension} {words}{detail}, from {record.source}{agent}",
        status=record.status,
    )


def _steps(reboot: Reboot) -> Iterator[Moment]:
    asked = f"told to fetch again: {shown(reboot.reason)} (by {shown(reboot.asked_by)})"
    yield Moment(at=reboot.asked_at, kind="reboot", what=asked, reference=reboot.id)
    for step, at in reboot.steps.items():
        if step is RebootStep.PENDING:
            continue
        is_answer = step in (RebootStep.ANSWERED, RebootStep.REFUSED, RebootStep.CHALLENGED)
        answer = f": {reboot.sip_code} {shown(reboot.sip_reason, 64)}" if is_answer else ""
        yield Moment(
            at=at,
            kind="reboot",
            what=f"NOTIFY {reboot.event}: {step.value.replace('_', ' ')}{answer}",
            status=reboot.sip_code if is_answer else 0,
            fault=reboot.fault if step is reboot.step else "",
            reference=reboot.id,
        )


def _change(change: Change) -> Moment:
    names = sorted({*(change.before or {}), *(change.after or {})})
    changed = [
        name for name in names if (change.before or {}).get(name) != (change.after or {}).get(name)
    ]
    fields = f": {', '.join(changed)}" if changed and change.before and change.after else ""
    who = shown(change.actor, 64)
    return Moment(
        at=change.at,
        kind="change",
        what=f"{change.noun} {change.subject} {change.action} by {who}{shown(fields)}",
    )
