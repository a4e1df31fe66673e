"""A phone sends a login for its provisioning server, and none is asked for.

What you see: the phone asks and gets its files, shows an error all the same or stays as it was; its
requests carry credentials.

Why: the switch for login credentials is on in the phone, or the URL holds a user and a password,
left from another system. This server neither asks for them nor looks at them, and they travel
readable by anyone on the way.

What to do: switch the credentials off in the phone's provisioning menu and take user and password
out of the URL, in the phone and in DHCP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.advice import menu_lines, safer_url
from offhook.diagnosis.asking import asked_by, remark_of
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P806",
    name="credentials-switch-off",
    title="Phone sends a login that nobody asks for",
    severity=Severity.WARNING,
    stage=Stage.AUTHENTICATED,
    message="the phone sends a user and password for provisioning; this server asks for none",
    steps=(
        "Switch login credentials off in the phone's provisioning menu, and take user and password"
        " out of its URL and out of DHCP option 66",
        "Restart the phone",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose newest request carried credentials, and that are not registered."""
    for mac, attempts in asked_by(facts, facts.devices).items():
        if remark_of(attempts[0], FAULT.code) and not facts.device_registrations.get(mac):
            profile = facts.profiles.get(facts.devices[mac].vendor)
            url = safer_url(profile, facts.config.base) if profile else ""
            menu = "\n".join(("In its menu:", *menu_lines(profile, url))) if profile else ""
            line = attempt_line(attempts[0])
            yield FAULT.finding(
                mac.colons,
                evidence=[Evidence(f"{line.what}, with an Authorization header", line.at)],
                more_steps=[menu] if menu else [],
            )


_WITH = replace(SERVED, notices=(f"P806 {FAULT.message}",))
BAD = replace(HEALTHY, attempts=(_WITH,), registrations={}, device_registrations={}, sightings={})
GOOD = replace(HEALTHY, attempts=(_WITH,))
