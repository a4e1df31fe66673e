"""A phone signs another address than the one it sends its request to.

What you see: the phone does not register; each request with credentials is answered 400 "Digest
For Another URI". The same phone may register elsewhere.

Why: the `uri` of its credentials names another user than the request, or is no SIP address at all.
We refuse that, because otherwise credentials made for one request could be used for another
(RFC 7616 §3.4.6). Host and port may differ here: only the user counts.

What to do: let the phone take server and user from its file; a registrar that was typed with a
user in front (`1001@server`) does this. Otherwise update its firmware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RegisterOutcome
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED_REGISTER, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.registering import (
    account_steps,
    device_of,
    note_line,
    standing,
    subject_of,
)
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P418",
    name="digest-uri-form",
    title="Credentials for another address",
    severity=Severity.ERROR,
    stage=Stage.REGISTERED,
    message="extension {extension} signs for '{signed}' but sends to '{uri}', from {source}",
    steps=(
        "On the phone, write the server without a user in front of it, and without `sip:`",
        "Update the phone's firmware if its account is that of its file",
    ),
)
_SHOWN = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find per extension and address the requests whose credentials are for another address."""
    for (extension, host), notes in standing(facts, RegisterOutcome.OTHER_URI).items():
        newest = notes[0]
        device = device_of(facts, extension, host, newest.mac)
        yield FAULT.finding(
            subject_of(facts, newest),
            extension=shown(extension, 64),
            signed=shown(newest.digest_uri, 64),
            uri=shown(newest.uri, 64),
            source=newest.source,
            evidence=[
                note_line(note, f'uri="{shown(note.digest_uri)}"') for note in notes[:_SHOWN]
            ],
            more_steps=account_steps(facts, device, "server", "number"),
        )


_SIGNED = replace(
    REGISTERED,
    source=REFUSED_REGISTER.source,
    uri="sip:1001@192.0.2.1",
    digest_uri="sip:pbx@192.0.2.1",
    mac=None,
    status=400,
    outcome=RegisterOutcome.OTHER_URI,
    at=HEALTHY.now - MINUTE,
)
BAD = replace(HEALTHY, sip=SipFacts(notes=(_SIGNED, REGISTERED)))
_GOT_IN = replace(REGISTERED, source=_SIGNED.source, at=HEALTHY.now)
GOOD = replace(HEALTHY, sip=SipFacts(notes=(_GOT_IN, _SIGNED)))
