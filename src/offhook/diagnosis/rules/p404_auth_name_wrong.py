"""A phone signs in with another name than that of its extension.

What you see: the phone does not register although its password is right; the refused request names
one user in To and another in its credentials: a display name, nothing at all, or another
extension.

Why: the authentication name (also authentication user, register name) was typed on the phone, or a
template sets it to something else. Here it is the extension's number, always.

What to do: clear the authentication name on the phone, so that it takes the one of its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.events import RegistrationRefused
from offhook.diagnosis.evidence import host_of, refusal_line, shown, times
from offhook.diagnosis.examples import BINDING, HEALTHY, REFUSED_REGISTER
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_auth_name_wrong, still_refused
from offhook.diagnosis.registering import account_steps, device_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P404",
    name="auth-name-wrong",
    title="Authentication name is not the extension",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="{source} registers extension {extension} but signs in as '{claimed}'",
    steps=(
        "Set the authentication name on the phone to the number of its extension, {extension}",
        "If no phone of yours has this address, somebody is searching for extensions: block it",
    ),
)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find per extension and address the refusals whose two names differ."""
    groups: dict[tuple[str, str], list[RegistrationRefused]] = {}
    for refusal in still_refused(facts, "wrong_user", "unknown_user", "wrong_digest"):
        if is_auth_name_wrong(refusal):
            key = (refusal.extension, host_of(refusal.source))
            groups.setdefault(key, []).append(refusal)
    for (extension, host), refusals in groups.items():
        number, newest = shown(extension, 64), refusals[0]
        device = device_of(facts, extension, host, newest.mac)
        yield FAULT.finding(
            number if extension in facts.extensions else host,
            extension=number,
            claimed=shown(newest.claimed, 64),
            source=newest.source,
            evidence=[
                *(refusal_line(refusal) for refusal in refusals[:_SHOWN]),
                times(len(refusals)),
            ],
            more_steps=account_steps(facts, device, "auth_name", "number"),
        )


_REFUSED = replace(REFUSED_REGISTER, claimed="Ada", reason="unknown_user")
BAD = replace(HEALTHY, refused_registers=(_REFUSED,))
GOOD = replace(
    BAD,
    registrations={"1001": (replace(BINDING, source=_REFUSED.source, refreshed_at=HEALTHY.now),)},
)
