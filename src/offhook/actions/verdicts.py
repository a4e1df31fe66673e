"""Ask about one phone: by MAC, extension or address; the answer is a verdict."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import dataclass

from offhook.actions.diagnose import Diagnose
from offhook.actions.state import State
from offhook.core.mac import parse_mac
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.rules import find_of_both
from offhook.diagnosis.verdict import Subject, Verdict, judge
from offhook.errors import BadRequestError

_WANTED = "give a MAC in any spelling, an extension, or the phone's IP address"
_LONGEST = 64


@dataclass(slots=True)
class Verdicts:
    """Judges one subject at a time, from the facts of its own devices."""

    state: State
    diagnose: Diagnose

    async def of(self, text: str) -> Verdict:
        """Judge what a person typed. Raises BadRequestError (400 unreadable, 404 nothing known)."""
        subject = self.subject(text)
        own, everything = await self.diagnose.facts_about(subject.macs, subject.numbers)
        findings = await asyncio.to_thread(find_of_both, own, everything)
        return judge(_with_names(subject, own), own, findings)

    def subject(self, text: str) -> Subject:
        """Find whom a text means. An extension that exists wins over a MAC of the same digits."""
        wanted = text.strip()[:_LONGEST]
        if wanted in self.state.extensions:
            macs = tuple(device.mac for device in self.state.devices_of(wanted))
            return Subject(name=wanted, macs=macs, numbers=frozenset({wanted}))
        address = _address(wanted)
        if address is not None:
            return self._at(address)
        mac = parse_mac(wanted)
        if mac is None:
            kind = f"no extension {wanted}" if wanted.isdigit() else f"cannot read {wanted!r}"
            status = 404 if wanted.isdigit() else 400
            raise BadRequestError("unknown_subject", kind, _WANTED, status)
        if mac not in self.state.devices and mac not in self.state.unknown:
            raise BadRequestError(
                "unknown_subject",
                f"nothing is known of {mac.colons}: it is not registered here and never asked",
                "compare the MAC with the label on the phone; see also: offhook unknown list",
                404,
            )
        return Subject(name=mac.colons, macs=(mac,))

    def _at(self, address: str) -> Subject:
        macs = [mac for mac, seen in self.state.sightings.items() if seen.address == address]
        macs += [mac for mac, phone in self.state.unknown.items() if phone.address == address]
        return Subject(name=address, macs=tuple(macs), addresses=frozenset({address}))


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        return None


def _with_names(subject: Subject, facts: Facts) -> Subject:
    """Add the extensions and addresses by which findings may speak of the subject's phones."""
    devices = [facts.devices[mac] for mac in subject.macs if mac in facts.devices]
    numbers = {line.extension for device in devices for line in device.lines}
    addresses = {facts.sightings[mac].address for mac in subject.macs if mac in facts.sightings}
    addresses |= {
        item.address for mac in subject.macs for item in facts.device_registrations.get(mac, ())
    }
    addresses |= {phone.address for phone in facts.unknown if phone.mac in subject.macs}
    return Subject(
        name=subject.name,
        macs=subject.macs,
        numbers=subject.numbers | numbers,
        addresses=subject.addresses | (addresses - {""}),
    )
