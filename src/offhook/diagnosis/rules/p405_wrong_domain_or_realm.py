"""A phone's account is made for another server.

What you see: the phone does not register. Its requests name a domain that is none of ours, or its
credentials are made for another realm than the one we asked in.

Why: the account comes from another system or tenant, or was typed with a domain or realm. With a
wrong realm no password can be right, because the realm is a part of what is signed (RFC 7616
§3.4.2). The domain alone refuses nobody here: with a refused password it tells where the account
comes from.

What to do: clear server, domain and realm that were typed on the phone, so that it takes those of
its file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RegisterNote, RegisterOutcome
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED_REGISTER, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import (
    account_steps,
    device_of,
    is_other_realm,
    is_strange_domain,
    note_line,
    standing,
    subject_of,
)
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P405",
    name="wrong-domain-or-realm",
    title="Account for another server",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="{source} registers with {what}, which is not this server's",
    steps=(
        "On the phone, clear what was typed as domain, realm or SIP server of the account",
        "The domain it should name is {address}, the realm '{realm}'",
    ),
)
_SHOWN = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that answer in a foreign realm, or fail with a foreign domain."""
    groups = standing(
        facts,
        RegisterOutcome.CHALLENGED,
        RegisterOutcome.WRONG_DIGEST,
        RegisterOutcome.UNKNOWN_USER,
    )
    for (extension, host), notes in groups.items():
        told = [(note, what) for note in notes if (what := _what(facts, note))]
        if not told:
            continue
        newest, what = told[0]
        device = device_of(facts, extension, host, newest.mac)
        yield FAULT.finding(
            subject_of(facts, newest),
            source=newest.source,
            what=what,
            address=facts.config.external_ip,
            realm=facts.config.realm,
            evidence=[note_line(note, what) for note, what in told[:_SHOWN]],
            more_steps=account_steps(facts, device, "server", "number"),
        )


def _what(facts: Facts, note: RegisterNote) -> str:
    if note.outcome is RegisterOutcome.CHALLENGED:
        return f"realm '{note.realm}'" if is_other_realm(facts, note) else ""
    return f"domain {note.domain}" if is_strange_domain(facts, note) else ""


_OTHER = replace(
    REGISTERED,
    realm="old-pbx.example",
    source=REFUSED_REGISTER.source,
    mac=None,
    status=401,
    outcome=RegisterOutcome.CHALLENGED,
    at=HEALTHY.now - MINUTE,
)
BAD = replace(HEALTHY, sip=SipFacts(notes=(_OTHER, REGISTERED)))
GOOD = replace(
    HEALTHY,
    sip=SipFacts(notes=(replace(REGISTERED, source=_OTHER.source, at=HEALTHY.now), _OTHER)),
)
