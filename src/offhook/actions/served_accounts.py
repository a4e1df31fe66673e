"""What the files say of accounts, for comparison with how phones register."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from offhook.core.inventory import FileSource, flatten, profile_of
from offhook.core.mac import Mac
from offhook.core.model import Device
from offhook.core.render import RenderError
from offhook.diagnosis.facts import ServedAccount


def served_accounts(source: FileSource, devices: Iterable[Device]) -> dict[Mac, ServedAccount]:
    """Give transport and port by device; devices without settings of their own share by model."""
    found: dict[Mac, ServedAccount] = {}
    shared: dict[tuple[str, str], ServedAccount | None] = {}
    for device in devices:
        if device.settings:
            account = _account(source, device)
        else:
            key = (device.vendor, device.model)
            if key not in shared:
                shared[key] = _account(source, device)
            account = shared[key]
        if account is not None:
            found[device.mac] = account
    return found


def _account(source: FileSource, device: Device) -> ServedAccount | None:
    """Read the settings that a file is made from; None when it cannot be made."""
    try:
        profile, model = profile_of(source, device)
        prefs, keys = flatten(source, source.layers(profile.name, model.name, device))
    except RenderError:
        return None
    names = profile.behaviour.account
    server, port, key = keys.get(names.server, ""), keys.get(names.port, ""), names.port
    if not names.port:  # one key holds both
        server, _, port = server.partition(":") if server.count(":") == 1 else (server, "", "")
        key = names.server
    switch = profile.notify_switch
    told = ServedAccount(
        transport=prefs.transport,
        server=server,
        notify_value=keys.get(switch.key, "") if switch else "",
    )
    if not (port.isascii() and port.isdigit()):
        return told
    return replace(told, port=int(port), port_key=key)
