"""What the rules say of files as they would be, beside what they say of them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from offhook.actions.changing import Changing
from offhook.actions.differences import Difference
from offhook.actions.files import Made
from offhook.actions.served_accounts import served_accounts
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac
from offhook.diagnosis.facts import ConfigFacts, Facts, RenderFault, SipFacts
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_in_files


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A finding on phones as they would be: `phones` of them; `is_new` when it is not so now."""

    finding: Finding
    phones: int
    is_new: bool


def find(
    changing: Changing,
    config: ConfigFacts,
    before: FileSource,
    after: FileSource,
    differences: Sequence[Difference],
    counts: Mapping[Mac, int],
) -> list[Noted]:
    """Look at one phone of each kind; the same said of several kinds is said once."""
    now = {_said(it) for it in find_in_files(_facts(changing, config, before, differences, False))}
    groups: dict[str, list[Finding]] = {}
    for finding in find_in_files(_facts(changing, config, after, differences, True)):
        groups.setdefault(_said(finding), []).append(finding)
    by_name = {mac.colons: count for mac, count in counts.items()}
    return [
        Noted(
            finding=found[0],
            phones=sum(by_name.get(it.subject, 0) for it in found),
            is_new=said not in now,
        )
        for said, found in groups.items()
    ]


def _said(finding: Finding) -> str:
    return f"{finding.code} {finding.message.replace(finding.subject, '')}"


def _facts(
    changing: Changing,
    config: ConfigFacts,
    source: FileSource,
    differences: Sequence[Difference],
    is_then: bool,
) -> Facts:
    state = changing.state
    devices = {it.device.mac: it.device for it in differences}
    made: dict[Mac, Made] = {it.device.mac: it.will if is_then else it.was for it in differences}
    lint = {mac: it.lint for mac, it in made.items()}
    if is_then:
        lint = {it.device.mac: (*it.will.lint, *it.lint) for it in differences}
    numbers = {line.extension for device in devices.values() for line in device.lines}
    facts = Facts(
        now=changing.now(),
        config=config,
        profiles=source.profiles,
        extensions={it: source.extensions[it] for it in numbers if it in source.extensions},
        devices=devices,
        sightings={mac: state.sightings[mac] for mac in devices if mac in state.sightings},
        render_faults={
            mac: it.digests for mac, it in made.items() if isinstance(it.digests, RenderFault)
        },
        lint=lint,
        is_preview=True,
    )
    accounts = served_accounts(source, devices.values())
    return replace(facts, sip=SipFacts(accounts=accounts))
