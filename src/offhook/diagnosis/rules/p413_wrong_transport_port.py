"""A device's file sends SIP to the port of a web server.

What you see: the phone has its file and never registers; a packet trace shows REGISTERs to port
80, 443 or the provisioning port.

Why: a free setting sets the server's port in the account to that of the URL. Provisioning and SIP
have different ports.

What to do: remove the setting: the file then names the port where SIP listens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from offhook.core.model import Device
from offhook.diagnosis.examples import HEALTHY, MAC
from offhook.diagnosis.facts import Facts, ServedAccount, SipFacts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P413",
    name="wrong-transport-port",
    title="SIP port is a web port",
    severity=Severity.ERROR,
    stage=Stage.RENDERED,
    message="the file of device {mac} sends SIP to port {port}, but SIP listens on {sip_port}",
    steps=(
        "Remove the free setting {key} (device, model, vendor or site): the file then says"
        " {sip_port}",
        "Then have the file fetched: POST /api/phones/{extension}/reboot, or restart the phone",
    ),
    is_of_device=True,
)
_WEB_PORTS = (80, 443)


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices whose settings name a web port that is not our SIP port."""
    config = facts.config
    for mac, device in facts.devices.items():
        account = facts.sip.accounts.get(mac)
        if account is None or account.port in (None, config.sip_port, config.tls_port):
            continue
        if account.port in (*_WEB_PORTS, config.http_port) and device.lines:
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                port=account.port,
                sip_port=config.sip_port,
                key=account.port_key,
                extension=device.extension,
                more_steps=[_where(device, account.port_key)],
                evidence=[Evidence(f"free setting {account.port_key} = {account.port}", facts.now)],
            )


def _where(device: Device, key: str) -> str:
    """Say how to remove a setting: from the device itself, or how to find out where it stands."""
    url = f"/api/provisioning/devices/{device.mac.colons}"
    if key in device.settings:
        return f'It is the device\'s own: PATCH {url} with JSON: {{"settings":{{"{key}":null}}}}'
    return f"Where it stands: GET {url}/config?explain=true; remove it there by PATCH with null"


def _with_port(port: int) -> Facts:
    account = ServedAccount(port=port, port_key="server_port")
    return replace(HEALTHY, sip=SipFacts(accounts={MAC: account}))


BAD = _with_port(443)
GOOD = _with_port(5060)
