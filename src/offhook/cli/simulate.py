"""`offhook simulate`: one simulated phone of any maker against a running PBX."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, assert_never
from urllib.parse import urlsplit

import typer

from offhook.cli.client import CannotRunError, default_url, exit_code
from offhook.cli.screen import Screen
from offhook.core.mac import Mac, parse_mac
from offhook.core.vendor import Model, VendorProfile
from offhook.simulator.virtual_phone import Act, Asked, Notified, Registered, VirtualPhone
from offhook.vendors import load_profiles

group = typer.Typer()


@group.command("simulate")
def simulate(
    vendor: Annotated[str, typer.Option(help="maker, as offhook vendor list names it")],
    model: Annotated[str, typer.Option(help="model, any spelling")],
    mac: Annotated[str, typer.Option(help="MAC address, any spelling")],
    url: Annotated[
        str, typer.Option(help="URL the phone was given", show_default="this machine's PBX")
    ] = "",
    config: Annotated[
        Path | None, typer.Option(help="config.yml of the PBX", show_default="./config.yml")
    ] = None,
    is_once: Annotated[
        bool, typer.Option("--once", help="stop after booting; do not wait for NOTIFY")
    ] = False,
    owns_network: Annotated[
        bool, typer.Option("--i-own-this-network", help="allow a PBX on another machine")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print a JSON line for each act")] = False,
) -> None:
    """Boot a simulated phone: fetch its files, register, obey NOTIFY until Ctrl-C.

    It asks what its maker's phones ask, in their order, and knows only what its files say.
    """
    screen = Screen(as_json=as_json)

    def play() -> int:
        profile, found = _model(vendor, model)
        phone = VirtualPhone(
            profile=profile,
            model=found,
            mac=_mac(mac),
            base_url=_base_url(url, config),
            on_act=lambda act: _tell(screen, act),
            is_allowed=lambda address: owns_network or is_this_host(address),
        )
        host = urlsplit(phone.base_url).hostname or ""
        if not owns_network and not is_this_host(host):
            raise CannotRunError(
                f"{host} is not this machine",
                "a simulated phone registers as a real one; if the network is yours, "
                "add --i-own-this-network",
            )
        screen.say(f"{profile.label} {found.label} {phone.mac.colons} boots from {phone.base_url}")
        return asyncio.run(_play(phone, screen, is_once=is_once))

    raise typer.Exit(exit_code(play, screen))


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


def is_this_host(host: str) -> bool:
    """Tell whether every address of a name is this machine's own: one can bind to it."""
    try:
        found = {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return bool(found) and all(_is_own(address) for address in found)


def _is_own(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip.is_loopback:
        return True
    if ip.is_unspecified or ip.is_multicast:
        return False
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


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


def _base_url(url: str, config: Path | None) -> str:
    """The directory URL: what was typed, a file name after the last slash taken off."""
    if not url:
        return default_url(config) + "/provision/"
    full = url if "://" in url else f"http://{url}"
    parts = urlsplit(full)
    if parts.scheme != "http" or not parts.hostname:
        raise CannotRunError(f"{url!r} is no http:// URL", "write http://127.0.0.1:8080/provision/")
    folder, _, last = parts.path.rpartition("/")
    path = f"{folder}/" if "." in last or "$" in last or not last else f"{parts.path}/"
    return f"http://{parts.netloc}{path if path != '/' else '/provision/'}"
