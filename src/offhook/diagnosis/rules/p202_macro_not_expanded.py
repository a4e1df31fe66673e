"""The MAC variable in a phone's URL is not the one of its maker.

What you see: requests with 400 whose path holds a variable, while phones of the same maker with
another URL work.

Why: the URL was copied from another maker's manual, or the braces of a manual were typed as they
are. The phone does not know this variable and sends it literally.

What to do: replace the variable by the maker's own, or use the safer form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.advice import menu_lines, safer_lines, variable_url
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, REFUSED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import asker, placeholder_of, unmended
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P202",
    name="macro-not-expanded",
    title="MAC variable of another maker",
    severity=Severity.WARNING,
    stage=Stage.IDENTIFIED,
    message="{placeholder} is not the MAC variable of {vendor} phones, theirs is {right}",
    steps=("Replace {placeholder} by {right} in the URL of the phone or of DHCP option 66",),
    explains=("P201",),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find refused placeholders that the phone's own maker does not use."""
    for attempt, maker in unmended(facts, "P201"):
        profile = facts.profiles.get(maker)
        placeholder = placeholder_of(attempt)
        if profile is None or profile.placeholder in ("", placeholder):
            continue
        base = facts.config.base
        whole = f"The whole URL: {variable_url(profile, base)}"
        yield FAULT.finding(
            asker(facts, attempt),
            placeholder=placeholder,
            vendor=profile.label,
            right=profile.placeholder,
            evidence=[attempt_line(attempt)],
            more_steps=[
                "\n".join((whole, *safer_lines(profile, base))),
                "\n".join(("On the phone:", *menu_lines(profile, variable_url(profile, base)))),
                "Reboot the phone, so that it asks with the new URL",
            ],
        )


BAD = replace(HEALTHY, attempts=(replace(REFUSED, path="$MA.cfg", file="$MA.cfg"),))
GOOD = HEALTHY
