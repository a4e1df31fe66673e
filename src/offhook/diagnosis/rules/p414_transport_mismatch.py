"""A phone registers over another transport than its file says.

What you see: the phone works, but over UDP although TCP or TLS was asked for, or the reverse:
calls are not encrypted, or fail behind a router where TCP would work.

Why: the phone has its current file and does something else: a transport typed on the phone wins, a
firmware without that transport, or one that falls back when the first try fails (TLS without a
certificate that it trusts, a firewall).

What to do: clear the transport that was typed on the phone. For TLS look at the phone's trusted
certificates; then restart it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.mac import Mac
from offhook.core.model import Registration
from offhook.diagnosis.evidence import registration_line, sighting_line
from offhook.diagnosis.examples import BINDING, HEALTHY, MAC
from offhook.diagnosis.facts import Facts, ServedAccount, SipFacts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.history import is_rebooting
from offhook.diagnosis.registering import has_current_files
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P414",
    name="transport-mismatch",
    title="Registers over another transport than its file says",
    severity=Severity.WARNING,
    stage=Stage.APPLIED,
    message="device {mac} registers over {used}, its file says {wanted}",
    steps=(
        "Clear the transport that was typed on the phone for this account, then restart it",
        "Check that nothing between blocks {wanted} to this server's SIP port",
        "Or accept it: set the preference transport to {used} for this device",
    ),
    is_of_device=True,
)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices that registered since they fetched their file, by another transport."""
    for mac, bindings in facts.device_registrations.items():
        account = facts.sip.accounts.get(mac)
        if account is None or mac not in facts.devices or is_rebooting(facts, mac):
            continue
        if account.transport == "tls" and not facts.config.tls_port:
            continue  # that is P107
        wrong = [it for it in bindings if it.source.partition(":")[0] != account.transport]
        # A fallback beside the right one is how some phones keep a second server.
        if len(wrong) < len(bindings) or not _is_after_fetch(facts, mac, wrong):
            continue
        yield FAULT.finding(
            mac.colons,
            mac=mac.colons,
            used=wrong[0].source.partition(":")[0],
            wanted=account.transport,
            evidence=[
                *(registration_line(item) for item in wrong),
                sighting_line(facts.sightings[mac]),
            ],
        )


def _is_after_fetch(facts: Facts, mac: Mac, bindings: list[Registration]) -> bool:
    fetched = facts.sightings[mac].last_provisioned if mac in facts.sightings else None
    if fetched is None or not has_current_files(facts, mac):
        return False
    return bool(bindings) and all(item.registered_at > fetched for item in bindings)


BAD = replace(HEALTHY, sip=SipFacts(accounts={MAC: ServedAccount(transport="tcp")}))
_OVER_TCP = (replace(BINDING, source=BINDING.source.replace("udp", "tcp")),)
GOOD = replace(BAD, registrations={"1001": _OVER_TCP}, device_registrations={MAC: _OVER_TCP})
