"""The busy lamps of a phone are frozen.

What you see: a phone is registered and can call, but its keys for colleagues show an old state.

Why: the phone subscribed to those extensions and the subscription ended: it was not refreshed in
time, or the phone did not take a NOTIFY (481: it knows no such subscription, or no answer came). A
phone that notices subscribes again at once; this one did not, although it was not restarted and has
registered since. Often a single NOTIFY was lost, or a router closed its port for them.

What to do: restart the phone, which subscribes anew. If it comes back, use TCP for this phone or
look at the router's UDP timeout, and update the firmware.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.events import SubscriptionLost
from offhook.diagnosis.evidence import registration_line, shown
from offhook.diagnosis.examples import ADDRESS, BINDING, HEALTHY, MAC, MINUTE, REGISTERED
from offhook.diagnosis.facts import Facts, SipFacts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.history import DAY
from offhook.diagnosis.orders import binding_of
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P421",
    name="blf-stops",
    title="Busy lamps are frozen",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="the busy lamps of device {mac} (extension {extension}) for {targets} are frozen",
    steps=(
        "Restart the phone, which subscribes anew: POST /api/phones/{extension}/reboot",
        "If it happens again: use TCP for it, check the router's UDP timeout, update its firmware",
    ),
    is_of_device=True,
)
# A phone that was told that a subscription is over, or found out, subscribes again within this.
_PATIENCE = timedelta(minutes=5)
_SHOWN = 5


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that live on, registered, without the subscriptions they had."""
    by_watcher: dict[str, list[SubscriptionLost]] = {}
    for lost in facts.sip.lost_watches:
        if _PATIENCE <= facts.now - lost.at <= DAY:
            by_watcher.setdefault(lost.watcher, []).append(lost)
    if not by_watcher:
        return
    for mac, device in facts.devices.items():
        binding = binding_of(facts, mac)
        found = [
            lost
            for line in device.lines
            for lost in by_watcher.get(line.extension, ())
            if binding is not None
            and binding.address == lost.host
            and binding.registered_at < lost.refreshed_at
            and binding.refreshed_at > lost.at
        ]
        if found and binding is not None:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                extension=found[0].watcher,
                targets=", ".join(dict.fromkeys(lost.target for lost in found[:_SHOWN])),
                evidence=[*map(_line, found[:_SHOWN]), registration_line(binding)],
            )


def _line(lost: SubscriptionLost) -> Evidence:
    what = f"subscription of {lost.watcher} to {lost.target} from {lost.host} ended"
    return Evidence(f"{what}: {shown(lost.reason, 64)}", lost.at)


_LOST = SubscriptionLost(
    watcher="1001",
    target="1002",
    host=ADDRESS,
    reason="answer 481 to NOTIFY",
    refreshed_at=HEALTHY.now - 20 * MINUTE,
    at=HEALTHY.now - 10 * MINUTE,
)
_ALIVE = replace(BINDING, refreshed_at=HEALTHY.now - MINUTE)
BAD = replace(
    HEALTHY,
    device_registrations={MAC: (_ALIVE,)},
    sip=SipFacts(notes=(REGISTERED,), lost_watches=(_LOST,)),
)
_RESTARTED = replace(_ALIVE, registered_at=HEALTHY.now - 2 * MINUTE)
GOOD = replace(BAD, device_registrations={MAC: (_RESTARTED,)})
