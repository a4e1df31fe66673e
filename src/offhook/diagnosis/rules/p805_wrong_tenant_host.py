"""A phone asked this server under a name that is not its own.

What you see: a phone's requests reach this server, name another one, and the phone does not work:
it is refused, or it fetches and does not register.

Why: its URL was made for another system, and DNS leads that name here; or the name is right and
this server was never told of it.

What to do: if the name belongs to another system, correct the URL in the phone or in DHCP. If it is
this server's, name it in the settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.asking import asked_by, remark_of
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P805",
    name="wrong-tenant-host",
    title="Phone asked for another server's name",
    severity=Severity.WARNING,
    stage=Stage.AUTHENTICATED,
    message="the phone asked for the server {host} which is not a name of this one",
    steps=(
        "If the name belongs to another system, set the phone's provisioning URL, or DHCP option"
        " 66, to the address of this one: GET /api/provisioning/vendors has the URL",
        "If it is this server's name, add it to `api.allowed_hosts` and restart the server",
    ),
    is_of_device=True,
    explains=("P301", "P203"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones whose newest request names another server, and that are not registered."""
    macs = {*facts.devices, *(phone.mac for phone in facts.unknown)}
    for mac, attempts in asked_by(facts, macs).items():
        host = _host(remark_of(attempts[0], FAULT.code))
        if host and not facts.device_registrations.get(mac):
            line = attempt_line(attempts[0])
            evidence = [Evidence(f"{line.what}, asked for the server {host}", line.at)]
            yield FAULT.finding(mac.colons, host=host, evidence=evidence)


def _host(remark: str) -> str:
    """The name out of the remark, which is this fault's message."""
    before, _, after = FAULT.message.partition("{host}")
    return remark.removeprefix(before).removesuffix(after)


_STRANGE = replace(SERVED, notices=("P805 " + FAULT.message.format(host="'pbx.example'"),))
BAD = replace(
    HEALTHY, attempts=(_STRANGE,), registrations={}, device_registrations={}, sightings={}
)
GOOD = replace(HEALTHY, attempts=(_STRANGE,))
