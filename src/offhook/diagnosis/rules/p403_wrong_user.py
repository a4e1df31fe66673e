"""A phone registers as a user that does not exist.

What you see: the phone does not register; its name in the refused request is a display name, an
old number, or that of another system. P404 is the case where only the authentication name is
another one.

Why: the account was typed by hand, comes from another system, or its extension was deleted.
Strangers who search for extensions look the same: compare the address.

What to do: let the phone take its account from its file. If the number should exist, add it.
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
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P403",
    name="wrong-user",
    title="Registers as an unknown or another user",
    severity=Severity.WARNING,
    stage=Stage.REGISTERED,
    message="{source} registers as '{claimed}', which is no extension or not its own",
    steps=(
        "Restart the phone, so that it takes user and authentication name from its file",
        "Clear the account that was typed on the phone: it may win over the file",
        "If no phone of yours has this address, somebody is searching for extensions: block it",
    ),
)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find per address the REGISTERs of unknown users; without any name they are P406."""
    groups: dict[str, list[RegistrationRefused]] = {}
    for refusal in still_refused(facts, "wrong_user", "unknown_user"):
        is_nobody = not refusal.extension and not refusal.claimed
        if is_auth_name_wrong(refusal) or is_nobody:
            continue
        groups.setdefault(host_of(refusal.source), []).append(refusal)
    for host, refusals in groups.items():
        yield FAULT.finding(
            host,
            claimed=shown(refusals[0].claimed, 64),
            source=refusals[0].source,
            evidence=[
                *(refusal_line(refusal) for refusal in refusals[:_SHOWN]),
                times(len(refusals)),
            ],
        )


_REFUSED = replace(REFUSED_REGISTER, extension="", claimed="Ada", reason="unknown_user")
BAD = replace(HEALTHY, refused_registers=(_REFUSED,))
GOOD = replace(
    BAD,
    registrations={"1001": (replace(BINDING, source=_REFUSED.source, refreshed_at=HEALTHY.now),)},
)
