"""What DHCP offers mean for a phone: which option decides, and whom it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from offhook.core.model import Device
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.never_asked import is_never_asked
from offhook.diagnosis.probe_facts import DhcpFact, DhcpOffer

USUAL = (66, 43)
"""The options of a maker we know nothing of."""


def concerned(facts: Facts) -> Iterator[tuple[str, VendorProfile | None]]:
    """Give the phones that may have gone where DHCP sent them: those that never came here.

    Facts without phones are those of the site: one entry, subject `dhcp`.
    """
    if not facts.devices:
        yield "dhcp", None
    for mac, device in facts.devices.items():
        if is_never_asked(facts, device):
            yield mac.colons, _profile(facts, device)


def option_order(profile: VendorProfile | None) -> tuple[int, ...]:
    """The options a maker's phones look at, first to last."""
    if profile is None:
        return USUAL
    return tuple(int(entry) for entry in profile.dhcp if entry.isdigit()) or USUAL


def deciding(offer: DhcpOffer, profile: VendorProfile | None) -> tuple[int, str]:
    """Give the first option of a maker's order that was offered; (0, "") for none."""
    for number in option_order(profile):
        if offer.option(number):
            return number, offer.option(number)
    return 0, ""


def hosts_in(text: str) -> tuple[str, ...]:
    """Name the hosts of an option's value: a URL, a host, or a list of them."""
    found = (_host(part) for part in re.split(r"[,\s;]+", text) if part)
    return tuple(dict.fromkeys(host for host in found if host))


def leads_here(dhcp: DhcpFact, text: str) -> bool:
    """Say whether a value names this server; one that names no host at all is taken for ours."""
    hosts = hosts_in(text)
    return not hosts or hosts[0] in dhcp.here


def foreign_variable(
    text: str, profile: VendorProfile, profiles: Mapping[str, VendorProfile]
) -> str:
    """Find a MAC variable that another maker's phones replace and this one's do not."""
    known = {item.placeholder for item in profiles.values() if item.placeholder} | {"{mac}"}
    for token in re.findall(r"[$%][A-Za-z]+|\{[A-Za-z]+\}|<[A-Za-z]+>", text):
        if token in known and token != profile.placeholder:
            return str(token)
    return ""


def _host(part: str) -> str:
    if part.startswith("0x"):
        return ""
    try:
        host = urlsplit(part if "://" in part else f"//{part}").hostname or ""
    except ValueError:
        return ""
    return host if re.fullmatch(r"[a-z0-9_.:\-]+", host) else ""


def _profile(facts: Facts, device: Device) -> VendorProfile | None:
    return facts.profiles.get(device.vendor)


def sent_elsewhere(
    facts: Facts, profile: VendorProfile | None
) -> tuple[int, str, DhcpOffer] | None:
    """Give option, value and offer that lead a maker's phones to another server.

    None when any server of the site leads them here, or names none: that is another fault.
    """
    dhcp = facts.probes.dhcp
    found = [(*deciding(offer, profile), offer) for offer in dhcp.offers] if dhcp else []
    if dhcp is None or not found or any(leads_here(dhcp, text) for _, text, _ in found):
        return None
    return found[0]
