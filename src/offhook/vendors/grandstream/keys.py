"""What is known of Grandstream's values: the makers' template comments unless marked."""

from __future__ import annotations

import re

from offhook.core.maker_keys import DtmfKey, KeyTrap, MakerKeys

_ANY = frozenset({"0", "1"})


def _method(digit: int, mode: str) -> DtmfKey:
    """A way of sending digits is a switch of its own; accounts 3 to 6 are unverified."""
    fits = dict.fromkeys(("rfc2833", "info", "inband"), _ANY) | {mode: frozenset({"1"})}
    key = re.compile(rf"P2[3-8]0{digit}")
    return DtmfKey(key=key, fits=fits, families=frozenset({"desk"}))


KEYS = MakerKeys(
    # P8, how the address is got, is from general knowledge, unverified; P229, P230, P1684: one
    # source.
    network=re.compile(r"P8|P51|P87|P229|P230|P1684|network\..+"),
    secret=re.compile(
        r"P2|P196|P34|P406|P506|P606|P1706|P1806|P734|P41(?:19|2[0-9])|P1359|P1361|P8024"
    ),
    preference=re.compile(r"P1362|language\..+"),
    traps=(
        KeyTrap(
            fault="lldp-disabled-by-template",
            key=re.compile(r"P1684|network\.lldp\.enable"),
            value=re.compile("0|No", re.IGNORECASE),
        ),
        KeyTrap(fault="fixed-ip-wiped", key=re.compile("P8"), value=re.compile("0")),
    ),
    dtmf=(_method(1, "inband"), _method(2, "rfc2833"), _method(3, "info")),
    # A wrong MAC makes the phone refuse the file (provisioning guide).
    own_mac=re.compile(r"<mac>\s*([0-9A-Fa-f]{12})\s*</mac>"),
)
