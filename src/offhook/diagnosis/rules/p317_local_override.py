"""A value on the phone wins over the one in its file.

What you see: an account or another setting on the phone is not what its file says, however often
the phone fetches it.

Why: somebody changed it on the phone or on its web page. The phone keeps such changes apart, sends
them here, and puts them over our file each time.

What to do: clear the local settings of the phone; it then takes those of its file. Or make the
change in its settings here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.diagnosis.advice import menu_lines
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE
from offhook.diagnosis.facts import Facts, LocalOverride
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P317",
    name="local-override",
    title="A value typed on the phone wins over its file",
    severity=Severity.WARNING,
    stage=Stage.APPLIED,
    message="device {mac} keeps its own {keys}, which wins over its file",
    steps=(),
    is_of_device=True,
)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that told of local settings other than those of their file."""
    for mac, found in facts.overrides.items():
        device = facts.devices.get(mac)
        if device is None or not found:
            continue
        profile = facts.profiles.get(device.vendor)
        menu = replace(profile, menu=profile.override_menu) if profile else None
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            keys=", ".join(dict.fromkeys(shown(item.key, 64) for item in found[:_SHOWN])),
            evidence=[_line(item) for item in found[:_SHOWN]],
            more_steps=[
                "\n".join(
                    (
                        "Clear the local settings of the phone:",
                        *(menu_lines(menu, "") if menu else ()),
                    )
                ),
                f"Then have its file fetched: POST /api/phones/{device.extension}/reboot",
            ],
        )


def _line(item: LocalOverride) -> Evidence:
    what = f"{shown(item.file)} of the phone has {shown(item.key)} = {shown(item.phones, 64)}"
    return Evidence(f"{what}, its file has {shown(item.ours, 64)}", item.at)


_NAME = LocalOverride(
    file=f"{MAC}-local.cfg", at=HEALTHY.now - MINUTE, key="name", ours="Ada", phones="Old"
)
BAD = replace(HEALTHY, overrides={MAC: (_NAME,)})
GOOD = replace(HEALTHY, overrides={MAC: ()})
