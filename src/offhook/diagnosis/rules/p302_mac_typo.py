"""An unknown phone has almost the MAC address of a registered device that never fetched a file.

What you see: one phone is refused as unknown while a record of nearly the same MAC address never
gets a visit.

Why: most often the MAC address was mistyped when the device was added: one or two wrong digits, or
two neighbours swapped. Phones from one carton have neighbouring addresses too, so look before you
change anything.

What to do: read the MAC address on the phone's label or in its status menu. If the record is the
wrong one, remove it and register the phone's real address.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac, distance
from offhook.diagnosis.evidence import unknown_line
from offhook.diagnosis.examples import HEALTHY, MINUTE, OTHER_MAC, PHONE, UNKNOWN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import recent_unknown
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P302",
    name="mac-typo",
    title="A MAC address may be mistyped",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="unknown phone {mac} is close to registered device {near}, which never fetched a file",
    steps=(
        "Check for typos in the MAC address: compare {near} with the label on the phone",
        "Verify the phone's actual MAC (usually in phone menu: Status → Network)",
        "If the record is wrong: DELETE /api/provisioning/devices/{near}\n"
        'then POST /api/provisioning/devices with JSON: {{"mac_address":"{mac}",'
        '"extension_number":"{extension}","vendor":"{vendor}","model":"{model}"}}',
    ),
    explains=("P301", "P309"),
)
MAX_DISTANCE = 2
# Comparing takes about 0.3 us a pair: a flood of unknown phones costs at most 60 ms.
MAX_PAIRS = 200_000
_LOW_BITS = 0x111111111111


def check(facts: Facts) -> Iterator[Finding]:
    """Find for each unknown phone the nearest device that never fetched."""
    unknown = recent_unknown(facts)
    silent = _never_fetched(facts, {phone.mac.value >> 24 for phone in unknown})
    pairs_left = MAX_PAIRS
    for phone in unknown:
        candidates = silent[phone.mac.value >> 24][:pairs_left]
        pairs_left -= len(candidates)
        near = [mac for mac in candidates if _differing_digits(phone.mac, mac) <= 2 * MAX_DISTANCE]
        nearest = min(near, key=lambda mac: (distance(phone.mac, mac), mac), default=None)
        if nearest is not None and distance(phone.mac, nearest) <= MAX_DISTANCE:
            record = facts.devices[nearest]
            yield FAULT.finding(
                phone.mac.colons,
                mac=phone.mac.colons,
                near=nearest.colons,
                extension=record.lines[0].extension if record.lines else "XXXX",
                vendor=record.vendor,
                model=record.model,
                evidence=[unknown_line(phone)],
                also_about=[nearest.colons],
            )


def _never_fetched(facts: Facts, ouis: set[int]) -> dict[int, list[Mac]]:
    silent: dict[int, list[Mac]] = defaultdict(list)
    for mac in facts.devices:
        sighting = facts.sightings.get(mac)
        if mac.value >> 24 in ouis and (sighting is None or sighting.last_provisioned is None):
            silent[mac.value >> 24].append(mac)
    return silent


def _differing_digits(a: Mac, b: Mac) -> int:
    """Count differing digits by bits: a cheap bound; a swap counts once and differs twice."""
    bits = a.value ^ b.value
    return ((bits | bits >> 1 | bits >> 2 | bits >> 3) & _LOW_BITS).bit_count()


_MISTYPED = replace(PHONE, mac=Mac(OTHER_MAC.value ^ 0x30), created_at=HEALTHY.now - MINUTE)
BAD = replace(
    HEALTHY,
    unknown=(UNKNOWN,),
    devices={**HEALTHY.devices, _MISTYPED.mac: _MISTYPED},
    attempts=(),
)
GOOD = HEALTHY
