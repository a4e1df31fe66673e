"""An unknown phone tells its MAC address only in its User-Agent.

What you see: a phone fetches the common file of its model, and nothing else; in a browser the same
URL gives no clue whose phone it is. Its own settings never arrive.

Why: the URL in the phone names a common file, so that it never asks for its own. Who it is stands
in the User-Agent alone, and no device with that MAC address is registered.

What to do: register the phone by the MAC address below, and give it the folder URL, so that it asks
for its own file too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import find_mac
from offhook.core.model import Attempt
from offhook.diagnosis.asking import asked_by
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, OTHER_MAC, SERVED, UNKNOWN
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import recent_unknown
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P209",
    name="mac-only-in-agent",
    title="Unknown phone asks only for common files",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="unknown phone {mac} asks only for {file}; its MAC address is in its User-Agent alone",
    steps=(
        'Register it: POST /api/provisioning/devices with "mac_address":"{mac}"',
        "Set the phone's provisioning URL to the folder with the slash at the end: {base}",
    ),
    explains=("P301",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the unknown phones of the last day that got a common file and asked for nothing else."""
    unknown = {phone.mac for phone in recent_unknown(facts)}
    if not unknown:
        return
    for mac, attempts in asked_by(facts, unknown, with_optional=True).items():
        if all(_is_common(attempt) for attempt in attempts):
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                file=attempts[0].file,
                base=facts.config.base,
                evidence=[attempt_line(attempts[0])],
            )


def _is_common(attempt: Attempt) -> bool:
    return attempt.is_delivery and find_mac(attempt.path) != attempt.mac


_COMMON = replace(
    SERVED,
    path="common.cfg",
    file="common.cfg",
    mac=OTHER_MAC,
    user_agent=f"Acme One 1.2.3 {OTHER_MAC}",
    is_device_file=False,
)
BAD = replace(HEALTHY, unknown=(UNKNOWN,), attempts=(_COMMON, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(_COMMON, mac=SERVED.mac), SERVED))
