"""What to write into the DHCP servers that people run, so that phones find this server."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.core.vendor import VendorProfile
from offhook.diagnosis import advice

# Options whose value is a URL as it is; 43 is encoded by maker and 150 is a list of addresses.
_PLAIN = ("66", "159", "160")


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpText:
    """The lines for one server program; `place` says where they go."""

    name: str
    title: str
    place: str
    text: str


def options_of(profile: VendorProfile) -> tuple[str, ...]:
    """Give the numbers a maker's phones take a plain URL from; 66 when they name none."""
    return tuple(number for number in profile.dhcp if number in _PLAIN) or ("66",)


def dhcp_texts(profile: VendorProfile, base: str) -> list[DhcpText]:
    """Write the maker's options for each server program, the URL that suits all firmware in them.

    Forms by dhcp-options(5) and dhcpd.conf(5) of ISC, Kea's manual (dhcp4-srv), dnsmasq(8), the
    manual of RouterOS (DHCP options) and Microsoft's reference of the DhcpServer module.
    """
    url, numbers = advice.safer_url(profile, base), options_of(profile)
    return [
        DhcpText(
            name="isc",
            title="ISC dhcpd",
            place="dhcpd.conf: the first lines outside, the others in the phones' subnet",
            text="\n".join(_isc(numbers, url)),
        ),
        DhcpText(
            name="kea",
            title="Kea",
            place="kea-dhcp4.conf, within Dhcp4",
            text=_kea(numbers, url),
        ),
        DhcpText(
            name="dnsmasq",
            title="dnsmasq",
            place="dnsmasq.conf or a file of dnsmasq.d",
            text="\n".join(f'dhcp-option={number},"{url}"' for number in numbers),
        ),
        DhcpText(
            name="mikrotik",
            title="MikroTik",
            place="RouterOS terminal; then choose the option set on the DHCP server or network",
            text="\n".join(_mikrotik(numbers, url)),
        ),
        DhcpText(
            name="windows",
            title="Windows Server",
            place="PowerShell as administrator; put the phones' scope in place of 192.0.2.0",
            text="\n".join(_windows(numbers, url)),
        ),
    ]


def _isc(numbers: tuple[str, ...], url: str) -> list[str]:
    others = [number for number in numbers if number != "66"]
    lines = [f"option phone-url-{number} code {number} = text;" for number in others]
    return lines + [
        f'option {"tftp-server-name" if number == "66" else f"phone-url-{number}"} "{url}";'
        for number in numbers
    ]


def _kea(numbers: tuple[str, ...], url: str) -> str:
    others = [number for number in numbers if number != "66"]
    # Releases that still know 160 as v4-captive-portal refuse a second definition: unverified.
    defined = [
        f'  {{ "name": "phone-url-{number}", "code": {number}, "type": "string" }}'
        for number in others
    ]
    names = {number: f"phone-url-{number}" for number in others} | {"66": "tftp-server-name"}
    data = [f'  {{ "name": "{names[number]}", "data": "{url}" }}' for number in numbers]
    definitions = '"option-def": [\n' + ",\n".join(defined) + "\n],\n" if defined else ""
    return definitions + '"option-data": [\n' + ",\n".join(data) + "\n]"


def _mikrotik(numbers: tuple[str, ...], url: str) -> list[str]:
    # A dollar begins a variable in a string of RouterOS; quoted text is a string by itself.
    escaped = url.replace("\\", "\\\\").replace("$", "\\$").replace('"', '\\"')
    names = [f"phones-{number}" for number in numbers]
    lines = [
        f"/ip dhcp-server option add name={name} code={number} value=\"'{escaped}'\""
        for name, number in zip(names, numbers, strict=True)
    ]
    return [*lines, f"/ip dhcp-server option sets add name=phones options={','.join(names)}"]


def _windows(numbers: tuple[str, ...], url: str) -> list[str]:
    quoted = url.replace("'", "''")
    lines = [
        f"Add-DhcpServerv4OptionDefinition -Name 'Phones {number}' -OptionId {number} -Type String"
        for number in numbers
        if number != "66"
    ]
    return lines + [
        f"Set-DhcpServerv4OptionValue -ScopeId 192.0.2.0 -OptionId {number} -Value '{quoted}'"
        for number in numbers
    ]
