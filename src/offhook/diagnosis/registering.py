"""What REGISTERs and failed calls prove: which troubles stand, and whose phone they are of."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from offhook.core.events import RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import (
    Device,
    RebootStep,
    RegisterNote,
    RegisterOutcome,
    Registration,
)
from offhook.diagnosis.evidence import host_of, reboot_line, shown, stamp
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence
from offhook.diagnosis.history import DAY

Key = tuple[str, str]
# Texts of notes are cut to 64 characters; this much of both is compared.
_COMPARED = 60


def standing(facts: Facts, *outcomes: RegisterOutcome) -> dict[Key, list[RegisterNote]]:
    """Give the notes of the last day that ended so, newest first, by extension and address.

    Left out are those whose phone registered afterwards: the same extension from the same address
    or with the same MAC; what names no extension of ours, from the same address and port.
    """
    since = _registered_since(facts)
    found: dict[Key, list[RegisterNote]] = {}
    for note in facts.sip.notes:
        is_wanted = note.outcome in outcomes and facts.now - note.at <= DAY
        if is_wanted and not any(since.get(key, note.at) > note.at for key in _keys(note)):
            found.setdefault((note.extension, note.host), []).append(note)
    return found


def _registered_since(facts: Facts) -> dict[object, datetime]:
    since: dict[object, datetime] = {}

    def add(keys: Iterable[object], at: datetime) -> None:
        for key in keys:
            since[key] = max(at, since.get(key, at))

    for note in facts.sip.notes:
        if note.outcome is RegisterOutcome.REGISTERED:
            add((note.source, *_places(note.extension, note.host, note.mac)), note.at)
    for bindings in facts.registrations.values():
        for item in bindings:
            places = _places(item.extension, item.address, item.mac)
            add((item.source, *places), item.refreshed_at)
    return since


def _keys(note: RegisterNote) -> list[object]:
    """A phone with two lines may do well with one of them, so a source alone proves nothing."""
    keys = _places(note.extension, note.host, note.mac) if note.extension else [note.source]
    return [*keys, *(_places(note.claimed, note.host, note.mac) if note.claimed else ())]


def _places(extension: str, host: str, mac: Mac | None) -> list[object]:
    return [(extension, host), *([(extension, mac)] if mac is not None else [])]


def device_of(
    facts: Facts, extension: str, host: str = "", mac: Mac | None = None
) -> Device | None:
    """Find whose phone it is: by its own MAC, else by extension, else by its address.

    Several devices of one extension are told apart by the address of their last request.
    """
    own = facts.devices.get(mac) if mac is not None else None
    if own is not None:
        return own
    found = [
        device
        for device in facts.devices.values()
        if any(line.extension == extension for line in device.lines)
    ]
    if len(found) == 1:
        return found[0]
    devices = found or facts.devices.values()
    here = [it for it in devices if it.mac in facts.sightings and host == _address(facts, it)]
    return here[0] if len(here) == 1 else None


def _address(facts: Facts, device: Device) -> str:
    return facts.sightings[device.mac].address


def refused_device(facts: Facts, refusal: RegistrationRefused) -> Device | None:
    """Find the phone that was refused; a stranger who tries its extension is not it."""
    host = host_of(refusal.source)
    device = device_of(facts, refusal.claimed, host, refusal.mac)
    if device is None or device.mac == refusal.mac:
        return device
    sighting = facts.sightings.get(device.mac)
    is_there = sighting is not None and sighting.address == host
    return device if is_there or not facts.device_registrations.get(device.mac) else None


def password_line(facts: Facts, device: Device) -> Evidence:
    """Tell whether the phone has the file with the present password."""
    sighting = facts.sightings.get(device.mac)
    fetched = sighting.last_provisioned if sighting else None
    phone = f"phone {device.mac.colons}"
    if fetched is None:
        return Evidence(f"{phone} never fetched its file: its account was typed on it")
    changes = [facts.sip.secrets_changed.get(line.extension) for line in device.lines]
    changed = max((at for at in changes if at is not None and at > fetched), default=None)
    if has_current_files(facts, device.mac):
        what = f"{phone} fetched its current file: the password was typed on it, or cut off"
        return Evidence(what, fetched)
    if changed is None:
        return Evidence(f"{phone} fetched its file, which changed since", fetched)
    what = f"{phone} fetched its file at {stamp(fetched)}, before the secret changed"
    return Evidence(what, changed)


def subject_of(facts: Facts, note: RegisterNote) -> str:
    """Name what a finding is about: the device, else its extension, else its address."""
    device = device_of(facts, note.extension, note.host, note.mac)
    if device is not None:
        return device.mac.colons
    return note.extension if note.extension in facts.extensions else note.host


def has_current_files(facts: Facts, mac: Mac) -> bool:
    """Say whether what a device fetched last is what it should have now."""
    sighting = facts.sightings.get(mac)
    if sighting is None or sighting.last_provisioned is None:
        return False
    expected = facts.expected.get(mac, {})
    common = expected.keys() & sighting.delivered.keys()
    return bool(common) and all(expected[name] == sighting.delivered[name] for name in common)


def account_steps(facts: Facts, device: Device | None, *names: str) -> list[str]:
    """Say by which keys of its maker's file a phone gets what it has wrong.

    `names` are fields of `SampleLine`.
    """
    profile = facts.profiles.get(device.vendor) if device is not None else None
    if device is None or profile is None:
        return []
    keys = [getattr(profile.behaviour.account, name) for name in names]
    wanted = ", ".join(dict.fromkeys(key for key in keys if key))
    return [
        f"On the {profile.label}, clear what was typed for this account; its file sets: {wanted}",
        f"Then have it fetched: POST /api/phones/{device.extension}/reboot, or restart the phone",
    ]


def note_line(note: RegisterNote, told: str = "") -> Evidence:
    """Tell a REGISTER: who, from where, by whom, how it ended; `told` is what matters of it."""
    agent = f"User-Agent {shown(note.user_agent)}" if note.user_agent else "no User-Agent"
    outcome = note.outcome.value.replace("_", " ")
    extra = f", {told}" if told else ""
    return Evidence(
        f"REGISTER as {shown(note.extension) or 'nobody'} from {note.source}, {agent},"
        f" answer {note.status} ({outcome}){extra}",
        note.at,
    )


# --- names of this server ------------------------------------------------------------------------


def is_strange_domain(facts: Facts, note: RegisterNote) -> bool:
    """Say whether an account is for another server: the host it names is none of ours.

    Ours are address, realm, the URL's host, what free settings name, and every host with which a
    phone has registered. Nothing is strange before either is known: that the phone has our file,
    or a host that works.
    """
    working = {
        other.domain for other in facts.sip.notes if other.outcome is RegisterOutcome.REGISTERED
    }
    if not note.domain or note.domain in working or note.domain in _own_names(facts):
        return False
    device = device_of(facts, note.extension, note.host, note.mac)
    return bool(working) or (device is not None and has_current_files(facts, device.mac))


def _own_names(facts: Facts) -> set[str]:
    config = facts.config
    names = {config.external_ip, config.realm, urlsplit(config.base).hostname or ""}
    names |= {account.server for account in facts.sip.accounts.values()}
    return {name.strip("[]").lower() for name in names} | {"localhost", "127.0.0.1", "::1"}


def is_other_realm(facts: Facts, note: RegisterNote) -> bool:
    """Say whether a phone answered with credentials for another realm than ours."""
    is_told = note.claimed is not None and bool(note.realm)
    return is_told and note.realm[:_COMPARED] != shown(facts.config.realm)[:_COMPARED]


# --- registered, but not reached -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreached:
    """A live registration that did not react at least twice; `note` is its newest REGISTER."""

    registration: Registration
    note: RegisterNote | None
    evidence: tuple[Evidence, ...]

    @property
    def is_translated(self) -> bool:
        """Something between rewrites addresses: what the phone wrote is not where it is."""
        return self.note is not None and bool(translation(self.note))


def unreached(facts: Facts) -> list[Unreached]:
    """Give the registrations that two calls or orders did not reach, and none did since."""
    if not facts.sip.failed_calls:
        return []
    notes = {
        (note.extension, note.source): note
        for note in reversed(facts.sip.notes)
        if note.outcome is RegisterOutcome.REGISTERED
    }
    found = []
    for bindings in facts.registrations.values():
        for item in bindings:
            evidence = _silences(facts, item)
            if len(evidence) > 1:
                note = notes.get((item.extension, item.source))
                found.append(Unreached(registration=item, note=note, evidence=tuple(evidence)))
    return found


def _silences(facts: Facts, item: Registration) -> list[Evidence]:
    """List when a registration did not react, newest first; empty when it did since."""
    silences = [
        Evidence(
            f"call from {call.caller} to {call.callee} at {call.contact}: {call.reason}", call.at
        )
        for call in facts.sip.failed_calls
        if call.status == 0
        and call.callee == item.extension
        and call.contact[:_COMPARED] == shown(item.contact)[:_COMPARED]
        and call.at >= item.registered_at
    ]
    for reboot in facts.reboots.values():
        if reboot.contact != item.contact or reboot.asked_at < item.registered_at:
            continue
        if reboot.step in (RebootStep.UNANSWERED, RebootStep.FAILED):
            silences.append(reboot_line(reboot))
        elif reboot.step is not RebootStep.PENDING:  # it answered: what was before is over
            silences = [it for it in silences if it.at is not None and it.at > reboot.asked_at]
    return sorted(silences, key=lambda it: it.at or facts.now, reverse=True)


def translation(note: RegisterNote) -> str:
    """Say what shows that addresses are rewritten on the way; empty when nothing does.

    `nat`: the phone wrote its private address in Via and Contact. `rewritten`: one of them is where
    the REGISTER came from and the other is private, which a phone behind NAT writes only when it
    asked a STUN server, and otherwise a router that meddles with SIP (ALG).
    """
    via, contact = _is_foreign(note.via_host, note), _is_foreign(note.contact_host, note)
    if via and contact:
        return "nat"
    return "rewritten" if via or contact else ""


def _is_foreign(host: str, note: RegisterNote) -> bool:
    """Say whether a host is a private address that is not where the request came from."""
    try:
        address, source = ipaddress.ip_address(host), ipaddress.ip_address(note.host)
    except ValueError:
        return False
    return address != source and address.is_private and not address.is_loopback
