"""A desk phone registers for an extension, and no record joins the two.

What you see: calls work, but the phone takes no name, key or password from here: it is set up by
hand, or its record has another extension.

Why: the account was typed into the phone, or the phone was exchanged and only the extension moved.
The MAC address that it tells over SIP is not registered, or as the device of another extension.

What to do: register the phone's MAC address with this extension and let it fetch its file. If it
shall stay as it was typed, nothing needs to be done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.evidence import registration_line
from offhook.diagnosis.examples import BINDING, HEALTHY, OTHER_MAC
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.history import maker_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P313",
    name="mapping-not-linked",
    title="Registered phone without a record for its extension",
    severity=Severity.INFO,
    stage=Stage.IDENTIFIED,
    message="phone {mac} registers as {extension}, but {problem}",
    steps=(
        "Join them: POST /api/provisioning/devices with\n"
        '{{"mac_address":"{mac}","extension_number":"{extension}","vendor":"{vendor}",'
        '"model":"MODEL"}}',
        "Then give the phone the provisioning URL {base} and restart it",
    ),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the live registrations whose MAC has no device with that extension.

    Where no device is registered at all, accounts are typed on purpose.
    """
    if not facts.devices:
        return
    for number, bindings in facts.registrations.items():
        for item in bindings:
            vendor = maker_of(item.user_agent, facts.profiles)
            if item.mac is None or not vendor or number not in facts.extensions:
                continue
            device = facts.devices.get(item.mac)
            others = [line.extension for line in device.lines] if device else []
            if number in others:
                continue
            evidence = [registration_line(item)]
            problem = "this MAC address is not registered in provisioning"
            if device is not None:
                problem = f"its record has extension {', '.join(others)}"
                evidence.append(Evidence(f"record: {problem}", device.updated_at))
            values = {"mac": item.mac.colons, "extension": number, "vendor": vendor}
            yield FAULT.finding(
                number,
                evidence=evidence,
                also_about=(item.mac.colons,),
                problem=problem,
                base=facts.config.base,
                **values,
            )


_STRANGE = replace(BINDING, mac=OTHER_MAC)
BAD = replace(HEALTHY, registrations={"1001": (_STRANGE,)})
GOOD = replace(HEALTHY, registrations={"1001": (replace(_STRANGE, user_agent="Softphone 3"),)})
