"""An account as a phone reads it from the file it was served: the maker's own keys, nothing else.

This shares no code with what renders the files, nor with the simulated phones, so a wrong key or
value shows as a real phone that does not register.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

_BY_NUMBER = {"0": "udp", "1": "tcp", "2": "tls"}


class NoAccountError(Exception):
    """A file from which a phone gets no first account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a phone needs to register; `display_name` may be empty."""

    number: str
    secret: str
    port: int
    auth_name: str = ""
    server: str = "127.0.0.1"
    transport: str = "udp"
    display_name: str = ""
    expires_s: int = 120

    @property
    def username(self) -> str:
        """The name in the digest."""
        return self.auth_name or self.number


def read_account(vendor: str, data: bytes) -> Account:
    """Read account 1 from the bytes of a maker's device file."""
    try:
        return _READERS[vendor](data)
    except (KeyError, ValueError, ElementTree.ParseError) as error:
        raise NoAccountError(f"{vendor}: {error!r} in:\n{data.decode()}") from error


def _must(values: Mapping[str, str], key: str, wanted: str) -> None:
    if values[key] != wanted:
        raise NoAccountError(f"{key} is {values[key]!r}, the phone wants {wanted!r}")


def _read_yealink(data: bytes) -> Account:
    """Yealink and Zultys: `key = value` after the line `#!version`, which the phone insists on."""
    first, *lines = data.decode("utf-8").splitlines()
    if first != "#!version:1.0.0.1":
        raise NoAccountError(f"no version line: {first!r}")
    values = dict(line.split(" = ", 1) for line in lines if " = " in line)
    _must(values, "account.1.enable", "1")
    # The transport has one key on old models and another on new ones; some files hold both.
    new = "account.1.sip_server.1.transport_type"
    transport = values[new if new in values else "account.1.transport"]
    return Account(
        number=values["account.1.user_name"],
        auth_name=values["account.1.auth_name"],
        secret=values["account.1.password"],
        display_name=values["account.1.display_name"],
        server=values["account.1.sip_server.1.address"],
        port=int(values["account.1.sip_server.1.port"]),
        transport=_BY_NUMBER[transport],
        expires_s=int(values["account.1.sip_server.1.expires"]),
    )


def _read_grandstream(data: bytes) -> Account:
    """P-values in XML; the server's port stands behind its address, expiry is in minutes."""
    config = ElementTree.fromstring(data).find("config")
    if config is None:
        raise NoAccountError("no config element")
    values = {item.tag: item.text or "" for item in config}
    _must(values, "P271", "1")
    _must(values, "P31", "1")
    server, _, port = values["P47"].rpartition(":")
    return Account(
        number=values["P35"],
        auth_name=values["P36"],
        secret=values["P34"],
        display_name=values["P3"],
        server=server,
        port=int(port),
        transport=_BY_NUMBER[values["P130"]],
        expires_s=int(values["P32"]) * 60,
    )


def _read_cisco(data: bytes) -> Account:
    """A flat profile: line 1 registers as User_ID_1_ at Proxy_1_ when it may."""
    values = {item.tag: item.text or "" for item in ElementTree.fromstring(data)}
    for key in ("Line_Enable_1_", "Register_1_", "Use_Auth_ID_1_"):
        _must(values, key, "Yes")
    server, _, port = values["Proxy_1_"].rpartition(":")
    return Account(
        number=values["User_ID_1_"],
        auth_name=values["Auth_ID_1_"],
        secret=values["Password_1_"],
        display_name=values["Display_Name_1_"],
        server=server,
        port=int(port),
        transport=values["SIP_Transport_1_"].lower(),
        expires_s=int(values["Register_Expires_1_"]),
    )


def _read_polycom(data: bytes) -> Account:
    """Attributes of any element; `UDPOnly`, `TCPOnly` and `TLS` are its transports."""
    values: dict[str, str] = {}
    for item in ElementTree.fromstring(data).iter():
        values.update(item.attrib)
    _must(values, "reg.1.server.1.register", "1")
    return Account(
        number=values["reg.1.address"],
        auth_name=values["reg.1.auth.userId"],
        secret=values["reg.1.auth.password"],
        display_name=values["reg.1.displayName"],
        server=values["reg.1.server.1.address"],
        port=int(values["reg.1.server.1.port"]),
        transport=values["reg.1.server.1.transport"].removesuffix("Only").lower(),
        expires_s=int(values["reg.1.server.1.expires"]),
    )


_READERS: dict[str, Callable[[bytes], Account]] = {
    "cisco": _read_cisco,
    "grandstream": _read_grandstream,
    "polycom": _read_polycom,
    "yealink": _read_yealink,
    "zultys": _read_yealink,
}
