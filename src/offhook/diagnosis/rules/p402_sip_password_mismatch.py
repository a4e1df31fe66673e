"""A phone registers with a password that is not its extension's.

What you see: the phone does not register; every attempt ends with 401 or 403 although it answers
the challenge.

Why: the phone has an older password, one that was typed on it, or one that it cut off. The
evidence tells which: whether the phone fetched its file before the file changed last, or has the
file of today and still another password. A stranger who guesses passwords looks the same: compare
the address.

What to do: make the phone fetch its file again. If it has its current file, clear the account's
setting on the phone, which wins over the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.events import RegistrationRefused
from offhook.core.model import RegisterOutcome
from offhook.diagnosis.evidence import host_of, refusal_line, shown, times
from offhook.diagnosis.examples import BINDING, HEALTHY, REFUSED_REGISTER
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_auth_name_wrong, still_refused
from offhook.diagnosis.registering import (
    account_steps,
    has_current_files,
    is_strange_domain,
    password_line,
    refused_device,
    standing,
)
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P402",
    name="sip-password-mismatch",
    title="Wrong SIP password",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="extension {extension} is refused from {source}: the password is wrong",
    steps=(
        "The phone may have an older password: restart it, so that it fetches its file again",
        "Clear the account's password on the phone: one that was typed there may win over the file",
        "If no phone of yours has this address, somebody is guessing passwords: block it",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find per extension and address the newest refusal that no registration followed."""
    groups: dict[tuple[str, str], list[RegistrationRefused]] = {}
    for refusal in still_refused(facts, "wrong_digest"):
        if is_auth_name_wrong(refusal):
            continue  # that is P404
        groups.setdefault((refusal.extension, host_of(refusal.source)), []).append(refusal)
    notes = standing(facts, RegisterOutcome.WRONG_DIGEST) if groups else {}
    for (extension, host), refusals in groups.items():
        number = shown(extension, 64)
        device = refused_device(facts, refusals[0])
        finding = FAULT.finding(
            number,
            extension=number,
            source=refusals[0].source,
            evidence=[
                refusal_line(refusals[0]),
                times(len(refusals)),
                *([password_line(facts, device)] if device is not None else ()),
            ],
            more_steps=account_steps(facts, device, "secret"),
        )
        if device is not None and has_current_files(facts, device.mac):
            finding = replace(finding, steps=_typed_first(finding.steps))
        # Made for another server (P405): that is why, and the password only follows from it.
        is_elsewhere = any(is_strange_domain(facts, it) for it in notes.get((extension, host), ()))
        yield replace(finding, is_general=True) if is_elsewhere else finding


def _typed_first(steps: tuple[str, ...]) -> tuple[str, ...]:
    """Order the steps for a phone that has its file of today: what was typed on it comes first."""
    known = len(FAULT.steps)
    return (*steps[known:], *steps[1:known])


BAD = replace(HEALTHY, refused_registers=(REFUSED_REGISTER,))
GOOD = replace(
    BAD,
    registrations={
        "1001": (replace(BINDING, source=REFUSED_REGISTER.source, refreshed_at=HEALTHY.now),)
    },
)
