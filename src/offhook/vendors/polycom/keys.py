"""What is known of Poly's parameters: administrator guides unless marked."""

from __future__ import annotations

import re

from offhook.core.maker_keys import DtmfKey, KeyTrap, MakerKeys, RenamedKey

_OFF = frozenset({"0", ""})

KEYS = MakerKeys(
    network=re.compile(r"device\.(?:net|dhcp|dns)\..+"),
    secret=re.compile(r"device\.sec\.configEncryption\.key"),
    # Names from general knowledge, unverified.
    preference=re.compile(r"up\.backlight\..+|voice\.volume\..+|se\.rt\..+|bg\..+|lcl\.ml\.lang"),
    renamed=(
        # A device parameter acts when its own twin is 1.
        RenamedKey(
            old=re.compile(r"device\.(?!.*\.set\Z)(.+\..+)"), new=r"device.\1.set", is_twin=True
        ),
    ),
    traps=(
        KeyTrap(
            fault="lldp-disabled-by-template",
            key=re.compile(r"device\.net\.lldpEnabled"),
            value=re.compile("0"),
        ),
        # From general knowledge, unverified.
        KeyTrap(
            fault="fixed-ip-wiped",
            key=re.compile(r"device\.(?:net\.dhcpEnabled|dhcp\.enabled)"),
            value=re.compile("1"),
        ),
    ),
    dtmf=(
        DtmfKey(
            key=re.compile(r"tone\.dtmf\.rfc2833Control"),
            fits={
                "rfc2833": frozenset({"1"}),
                "info": frozenset({"0", "1", ""}),
                "inband": _OFF,
            },
        ),
        DtmfKey(
            key=re.compile(r"voIpProt\.SIP\.dtmfViaSignaling\.rfc2976"),
            fits={"rfc2833": _OFF, "info": frozenset({"1"}), "inband": _OFF},
        ),
    ),
)
