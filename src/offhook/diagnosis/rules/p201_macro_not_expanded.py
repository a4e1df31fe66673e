"""A phone asked for a file with a MAC variable in its name instead of its MAC address.

What you see: the phone shows a provisioning error; its request is answered with 400; the path
holds `{mac}`, `$mac`, `$MA` or the like.

Why: makers write the variable for the MAC address differently, and a phone leaves one that it does
not know as it is. Some firmware expands none at all and wants a folder.

What to do: type the URL with the variable of this phone's maker, or the safer form below it, into
the phone or into the DHCP option, and reboot the phone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from offhook.core.vendor import VendorProfile
from offhook.diagnosis import advice
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import asker, placeholder_of, unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P201",
    name="macro-not-expanded",
    title="Phone asks with a placeholder instead of its MAC address",
    severity=Severity.ERROR,
    stage=Stage.IDENTIFIED,
    message="CONFIGURATION ERROR: Phone requested provisioning with placeholder '{placeholder}'"
    " instead of actual MAC address",
    steps=(),
)


def steps_for(
    profile: VendorProfile | None, base: str, profiles: Mapping[str, VendorProfile]
) -> tuple[str, ...]:
    """Tell how to set the right URL on a maker's phones, or on any phone when it is None.

    `base` is the directory URL of this server; `profiles` are all makers known.
    """
    if profile is None:
        urls = advice.url_lines(base, profiles)
        dhcp = advice.url_lines(base, profiles, "Option 66: ")
        safer = [f"Safer, for phones that expand no variable: the folder alone, {base}"]
        first = "Update Phone Configuration with correct MAC variable for your vendor:"
    else:
        url = advice.variable_url(profile, base)
        urls = [*advice.menu_lines(profile, url), advice.note(profile, profiles)]
        dhcp = advice.dhcp_lines(profile, base)
        safer = advice.safer_lines(profile, base)
        first = f"Update Phone Configuration. For {profile.label} phones:"
    return (
        "\n".join((first, *urls, *safer)),
        advice.dhcp_step(dhcp),
        "Reboot the phone to apply new provisioning URL",
    )


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that asked with a placeholder and got no file since."""
    for attempt, maker in unmended(facts, FAULT.code):
        profile = facts.profiles.get(maker or attempt.vendor)
        yield FAULT.finding(
            asker(facts, attempt),
            placeholder=placeholder_of(attempt),
            evidence=[attempt_line(attempt)],
            more_steps=steps_for(profile, facts.config.base, facts.profiles),
        )


BAD = replace(HEALTHY, attempts=(REFUSED,))
GOOD = replace(
    HEALTHY,
    attempts=(replace(SERVED, at=REFUSED.at + MINUTE, address=REFUSED.address), REFUSED),
)
