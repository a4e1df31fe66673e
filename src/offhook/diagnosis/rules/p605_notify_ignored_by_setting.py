"""A phone answers orders to fetch again, and a setting lets it ignore them.

What you see: the reboot record ends with "not_fetched"; the phone answered with 200, did not fetch
and did not restart.

Why: phones of this maker have a setting for such orders, and with one of its values they answer and
do nothing. If the setting was typed on the phone, or is among your own settings, it wins over what
our file usually says. That it is this setting is the likeliest cause, not proven, unless the
evidence shows the value.

What to do: set it on the phone, or remove it from your own settings, and restart the phone once by
hand. If it fetches at that restart but not on the next order, the setting is still there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import RebootStep
from offhook.core.vendor import NotifySwitch
from offhook.diagnosis.evidence import reboot_line, sighting_line
from offhook.diagnosis.examples import ACME, BINDING, HEALTHY, MAC, MINUTE, REBOOT
from offhook.diagnosis.facts import Facts, ServedAccount, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.orders import restart_after, sent_at, unfetched
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P605",
    name="notify-ignored-by-setting",
    title="Phone may be set to ignore orders to fetch again",
    severity=Severity.WARNING,
    stage=Stage.REACHABLE,
    message="device {mac} (extension {extension}) answers NOTIFY {event} and ignores it",
    steps=(
        "Look for {key} on the phone and among your settings: with {ignores} it ignores orders",
        "Restart the phone by hand: it fetches its file, which sets {key} as it should be",
        "Then try again: POST /api/phones/{extension}/reboot",
    ),
    is_of_device=True,
    explains=("P310", "P604"),
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the phones that answered and did nothing, of makers that have such a setting."""
    for device, profile, reboot in unfetched(facts):
        switch, mac = profile.notify_switch, device.mac
        if switch is None or restart_after(facts, mac, sent_at(reboot)) is not None:
            continue
        account = facts.sip.accounts.get(mac)
        value = account.notify_value if account is not None else ""
        sighting = facts.sightings.get(mac)
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            extension=reboot.extension,
            event=reboot.event,
            key=switch.key,
            ignores=switch.ignores,
            evidence=[
                *([f"your settings say {switch.key} = {value}"] if value else []),
                reboot_line(reboot),
                *([sighting_line(sighting)] if sighting else []),
            ],
        )


_ORDER = replace(REBOOT, step=RebootStep.NOT_FETCHED, sip_code=200, sip_reason="OK")
_SWITCH = NotifySwitch(key="notify.mode", ignores="off")
BAD = replace(
    HEALTHY,
    profiles={**HEALTHY.profiles, "acme": replace(ACME, notify_switch=_SWITCH)},
    reboots={MAC: _ORDER},
    sip=SipFacts(accounts={MAC: ServedAccount(notify_value="off")}),
)
_CAME = replace(HEALTHY.sightings[MAC], last_provisioned=HEALTHY.now - 18 * MINUTE)
_RESTARTED = replace(BINDING, registered_at=HEALTHY.now - 17 * MINUTE)
GOOD = replace(BAD, sightings={MAC: _CAME}, device_registrations={MAC: (_RESTARTED,)})
