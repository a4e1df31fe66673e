"""One simulated phone of any maker: each act a line, until Ctrl-C."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import assert_never

from offhook.cli.client import CannotRunError
from offhook.cli.screen import Screen
from offhook.cli.simulate_url import check_host, folder_url
from offhook.core.mac import Mac, parse_mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.own_host import is_this_host
from offhook.simulator.virtual_phone import Act, Asked, Notified, Registered, VirtualPhone
from offhook.vendors import load_profiles


def play_one(
    *,
    vendor: str,
    model: str,
    mac: str,
    url: str,
    config: Path | None,
    is_once: bool,
    owns_network: bool,
    screen: Screen,
) -> int:
    """Boot a phone and wait for NOTIFY; gives the exit code. Raises CannotRunError."""
    profile, found = _model(vendor, model)
    phone = VirtualPhone(
        profile=profile,
        model=found,
        mac=_mac(mac),
        base_url=folder_url(url, config),
        on_act=lambda act: _tell(screen, act),
        is_allowed=lambda address: owns_network or is_this_host(address),
    )
    check_host(phone.base_url, owns_network=owns_network)
    screen.say(f"{profile.label} {found.label} {phone.mac.colons} boots from {phone.base_url}")
    return asyncio.run(_play(phone, screen, is_once=is_once))


async def _play(phone: VirtualPhone, screen: Screen, *, is_once: bool) -> int:
    try:
        is_registered = await phone.boot()
        if phone.account is None:
            screen.error(
                "no file with an account came",
                f"is the device registered? offhook doctor --mac {phone.mac.colons}",
            )
        if is_once or not is_registered:
            return 0 if is_registered else 1
        screen.say("Waiting for NOTIFY; Ctrl-C ends it")
        await _told_to_stop()
        return 0
    finally:
        await phone.stop()


async def _told_to_stop() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    await stopped.wait()


def _tell(screen: Screen, act: Act) -> None:
    if screen.as_json:
        sys.stdout.write(json.dumps({"act": type(act).__name__.lower(), **asdict(act)}) + "\n")
        sys.stdout.flush()
        return
    match act:
        case Asked(file=file, status=status, size_bytes=size_bytes, error=error):
            screen.say(f"GET {file}: {status or 'no answer'}, {size_bytes} bytes {error}".rstrip())
        case Registered(number=number, server=server, port=port, status=status, error=error):
            answer = error or f"{status}"
            screen.say(f"REGISTER {number} at {server}:{port}: {answer}")
        case Notified(event=event, is_obeyed=is_obeyed):
            what = "fetches again" if is_obeyed else "not an order of this maker"
            screen.say(f"NOTIFY {event}: {what}")
        case _:
            assert_never(act)


def _model(vendor: str, model: str) -> tuple[VendorProfile, Model]:
    profiles = {profile.name: profile for profile in load_profiles()}
    profile = profiles.get(vendor.strip().lower())
    if profile is None:
        raise CannotRunError(f"vendor {vendor!r} is not known", f"known are {', '.join(profiles)}")
    found = profile.model(model)
    if found is None:
        known = ", ".join(item.name for item in profile.models)
        raise CannotRunError(f"{profile.name} has no model {model!r}", f"its models are {known}")
    return profile, found


def _mac(text: str) -> Mac:
    mac = parse_mac(text)
    if mac is None:
        raise CannotRunError(f"{text!r} is no MAC address", "write 00:15:65:12:34:56")
    return mac
