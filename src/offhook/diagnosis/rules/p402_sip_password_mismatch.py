"""A phone registers with a password that is not its extension's.

What you see: the phone does not register; every attempt ends with 401 or 403 although it answers
the challenge.

Why: the phone has an older password, one that was typed on it, or one that it cut off. A stranger
who guesses passwords looks the same: compare the address.

What to do: make the phone fetch its file again. If that does not help, clear the account's setting
on the phone, which may win over the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.events import RegistrationRefused
from offhook.diagnosis.evidence import host_of, refusal_line, shown
from offhook.diagnosis.examples import BINDING, HEALTHY, REFUSED_REGISTER
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import still_refused
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P402",
    name="wrong-digest",
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
        groups.setdefault((refusal.extension, host_of(refusal.source)), []).append(refusal)
    for (extension, _), refusals in groups.items():
        number = shown(extension, 64)
        yield FAULT.finding(
            number,
            extension=number,
            source=refusals[0].source,
            evidence=[refusal_line(refusals[0]), f"{len(refusals)} times in the last day"],
        )


BAD = replace(HEALTHY, refused_registers=(REFUSED_REGISTER,))
GOOD = replace(
    BAD,
    registrations={
        "1001": (replace(BINDING, source=REFUSED_REGISTER.source, refreshed_at=HEALTHY.now),)
    },
)
