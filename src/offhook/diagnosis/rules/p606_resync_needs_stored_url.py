"""A phone accepts the order to fetch, has no URL to fetch from, and does nothing.

What you see: the reboot record ends with "not_fetched"; the order was the maker's one to fetch
without a restart; the phone answered with 200 and neither fetched nor restarted.

Why: many phones learn the URL from DHCP at power-on only. An order to fetch without a restart works
for them when a URL is stored in the phone, and starts nothing when none is. This narrows it down,
it does not prove it.

What to do: order a restart, which makes the phone ask DHCP again. If that works, let changes
restart phones (`provisioning.on_change: reboot`), or store the URL in the phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.diagnosis.advice import menu_lines, safer_url
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import BINDING, HEALTHY, MAC, MINUTE, REBOOT
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.orders import restart_after, sent_at, unfetched
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P606",
    name="resync-needs-stored-url",
    title="Phone accepts the order to fetch, and may have no URL stored",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) accepted NOTIFY {event} and fetched nothing",
    steps=(
        "Order a restart, so that it asks DHCP: POST /api/phones/{extension}/reboot",
        "If that works, let changes restart phones, in `config.yml`:\n"
        "provisioning:\n  on_change: reboot",
    ),
    is_of_device=True,
    explains=("P310", "P604"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that answered their maker's order without a restart, and did nothing."""
    for device, profile, reboot in unfetched(facts):
        mac, switch = device.mac, profile.notify_switch
        is_resync = reboot.event == profile.resync.event != profile.reboot.event
        if not is_resync or restart_after(facts, mac, sent_at(reboot)) is not None:
            continue
        account = facts.sip.accounts.get(mac)
        if switch is not None and account is not None and account.notify_value == switch.ignores:
            continue  # that is why
        sighting = facts.sightings.get(mac)
        url = safer_url(profile, facts.config.base)
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            evidence=[reboot_line(reboot), *([sighting_line(sighting)] if sighting else [])],
            more_steps=["\n".join(("Or store the URL in the phone:", *menu_lines(profile, url)))],
        )


_ORDER = replace(
    REBOOT, step=RebootStep.NOT_FETCHED, event="check-sync", sip_code=200, sip_reason="OK"
)
BAD = replace(HEALTHY, reboots={MAC: _ORDER})
_CAME = replace(HEALTHY.sightings[MAC], last_provisioned=HEALTHY.now - 18 * MINUTE)
_RESTARTED = replace(BINDING, registered_at=HEALTHY.now - 17 * MINUTE)
GOOD = replace(BAD, sightings={MAC: _CAME}, device_registrations={MAC: (_RESTARTED,)})
