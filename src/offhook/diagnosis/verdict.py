"""The verdict on one subject: how far it got, the first stage without proof, what fits best."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from offhook.core.mac import Mac
from offhook.core.model import Device, Sighting
from offhook.diagnosis.evidence import stamp
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage

LADDER = (
    Stage.SEEN,
    Stage.CONNECTED,
    Stage.AUTHENTICATED,
    Stage.IDENTIFIED,
    Stage.RENDERED,
    Stage.DELIVERED,
    Stage.APPLIED,
    Stage.REGISTERED,
)
"""The stages in the order in which a phone passes them."""

_RANK = {stage: rank for rank, stage in enumerate((Stage.SETUP, *LADDER, Stage.REACHABLE))}
_SEVERITY = {severity: rank for rank, severity in enumerate(Severity)}
_ACCOUNT = _RANK[Stage.APPLIED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was asked about: its name, its devices, and the names that findings may use for it.

    `numbers` are extensions, `addresses` where it asked or registered from.
    """

    name: str
    macs: tuple[Mac, ...] = ()
    numbers: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`stage` is the last one proven, `setup` when none is; `missing` the next, None when right.

    `findings` are ordered: the best fit first, then the runner-up.
    """

    subject: str
    stage: Stage
    missing: Stage | None
    summary: str
    findings: tuple[Finding, ...]

    @property
    def is_right(self) -> bool:
        """Nothing to do: every stage is proven and nothing was found."""
        return self.missing is None and not self.findings


def proven(facts: Facts, mac: Mac) -> Stage:
    """Give the last stage of a device before the first one without proof."""
    device = facts.devices.get(mac)
    if device is None:
        return Stage.AUTHENTICATED if any(it.mac == mac for it in facts.unknown) else Stage.SETUP
    sighting = facts.sightings.get(mac)
    is_bound = bool(facts.device_registrations.get(mac))
    has_asked = sighting is not None and sighting.last_contact is not None
    proofs = (
        (Stage.AUTHENTICATED, has_asked or is_bound),
        (Stage.IDENTIFIED, True),  # its record is there, and it asked by its MAC
        (Stage.RENDERED, mac not in facts.render_faults),
        (Stage.DELIVERED, _has_current(facts, mac, sighting)),
        (Stage.REGISTERED, is_bound or not _has_account(facts, device)),
    )
    reached = Stage.SETUP
    for stage, is_proven in proofs:
        if not is_proven:
            break
        reached = stage
    return reached


def judge(subject: Subject, facts: Facts, findings: Sequence[Finding]) -> Verdict:
    """Choose and order what was found for a subject, and say it in one sentence."""
    stages = [proven(facts, mac) for mac in subject.macs] or [_stage_of_strangers(subject, facts)]
    stage = min(stages, key=_RANK.__getitem__)
    missing = _next(stage)
    found = list(_relevant(subject, findings, is_right=missing is None))
    explained = {code for item in found for code in item.explains}
    ordered = tuple(sorted(found, key=lambda item: _fit(item, missing, explained)))
    return Verdict(
        subject=subject.name,
        stage=stage,
        missing=missing,
        summary=_summary(subject, facts, stage, missing, ordered),
        findings=ordered,
    )


def _has_current(facts: Facts, mac: Mac, sighting: Sighting | None) -> bool:
    if sighting is None or sighting.last_provisioned is None:
        return False
    expected = facts.expected.get(mac, {})
    common = expected.keys() & sighting.delivered.keys()
    return bool(common) and all(expected[name] == sighting.delivered[name] for name in common)


def _has_account(facts: Facts, device: Device) -> bool:
    """Say whether a device has a line that may register; a disabled extension's is off."""
    extensions = [facts.extensions.get(line.extension) for line in device.lines]
    return any(it is None or it.is_enabled for it in extensions)


def _stage_of_strangers(subject: Subject, facts: Facts) -> Stage:
    """How far something without a device record got: a softphone, an unknown phone, nothing."""
    if any(facts.registrations.get(number) for number in subject.numbers):
        return Stage.REGISTERED
    asked = any(attempt.address in subject.addresses for attempt in facts.attempts)
    return Stage.CONNECTED if asked else Stage.SETUP


def _next(stage: Stage) -> Stage | None:
    if stage is Stage.SETUP:
        return LADDER[0]
    following = LADDER[LADDER.index(stage) + 1 :]
    return following[0] if following else None


def _relevant(
    subject: Subject, findings: Iterable[Finding], *, is_right: bool
) -> Iterable[Finding]:
    """Keep what concerns the subject.

    What hangs on an address or on a setting of the server explains a phone that is not right; a
    phone that is right shares its address with others behind the same NAT.
    """
    own = {mac.colons for mac in subject.macs} | {subject.name}
    wider = own | subject.numbers | subject.addresses
    for finding in findings:
        about = {finding.subject, *finding.also_about}
        is_wider = bool(about & wider) or _is_of_server(finding)
        if finding.subject in own or (is_wider and not is_right):
            yield finding


def _is_of_server(finding: Finding) -> bool:
    return finding.stage is Stage.SETUP and finding.severity is Severity.ERROR


def _fit(
    finding: Finding, missing: Stage | None, explained: Collection[str]
) -> tuple[bool, bool, bool, int, int, int, str]:
    """Order: causes before what follows from them, why before how far, the phone's own before the
    server's, then the worst and nearest.

    Nearest is the one whose stage is least far from the one without proof.
    """
    return (
        finding.code in explained,
        finding.is_general,
        finding.stage is Stage.SETUP,
        _SEVERITY[finding.severity],
        _distance(finding.stage, missing) if missing else 0,
        _RANK[finding.stage],
        finding.code,
    )


def _distance(stage: Stage, missing: Stage) -> int:
    """How far a finding's stage is from the missing one; what an account did shows as both."""
    rank, wanted = _RANK[stage], _RANK[missing]
    if wanted == _ACCOUNT and rank > wanted:
        return rank - wanted - 1
    return abs(rank - wanted)


def _summary(
    subject: Subject,
    facts: Facts,
    stage: Stage,
    missing: Stage | None,
    findings: Sequence[Finding],
) -> str:
    name = _described(subject, facts)
    if missing is None and not findings:
        return f"{name} is right: {_proof(subject, facts)}"
    if missing is None:
        return f"{name} is registered; {_count(findings)}: {_named(findings[0])}"
    if stage is Stage.SETUP:
        how = "was never seen" if subject.macs else "has no phone here that was ever seen"
    else:
        how = f"reached the stage '{stage}', not '{missing}'"
    if not findings:
        return f"{name} {how}; nothing wrong found so far"
    return f"{name} {how}; {_count(findings)}: {_named(findings[0])}"


def _described(subject: Subject, facts: Facts) -> str:
    devices = [facts.devices[mac] for mac in subject.macs if mac in facts.devices]
    if len(devices) != 1:
        return subject.name
    device = devices[0]
    profile = facts.profiles.get(device.vendor)
    known = profile.model(device.model) if profile else None
    label = (
        f"{profile.label if profile else device.vendor} {known.label if known else device.model}"
    )
    numbers = ", ".join(line.extension for line in device.lines)
    return f"{subject.name} ({label}, extension {numbers})"


def _proof(subject: Subject, facts: Facts) -> str:
    bound = [item for mac in subject.macs for item in facts.device_registrations.get(mac, ())]
    bound += [item for number in subject.numbers for item in facts.registrations.get(number, ())]
    if not bound:
        return "its files are delivered; its extension is disabled, so it need not register"
    newest = max(bound, key=lambda item: item.refreshed_at)
    return (
        f"registered as {newest.extension} from {newest.source} since {stamp(newest.registered_at)}"
    )


def _count(findings: Sequence[Finding]) -> str:
    return "1 finding" if len(findings) == 1 else f"{len(findings)} findings, first"


def _named(finding: Finding) -> str:
    return f"{finding.code} {finding.name}, {finding.message}"
