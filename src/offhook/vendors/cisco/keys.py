"""What is known of Cisco's parameters: provisioning and administration guides unless marked."""

from __future__ import annotations

import re

from offhook.core.maker_keys import DtmfKey, KeyTrap, MakerKeys, RenamedKey

KEYS = MakerKeys(
    network=re.compile(
        r"Enable_VLAN|VLAN_ID|PC_Port_VLAN_\w+|Enable_CDP|Enable_LLDP-MED"
        # From general knowledge, unverified.
        r"|Connection_Type|Static_IP|NetMask|Gateway|(?:Primary|Secondary)_DNS|DNS_\w+"
    ),
    secret=re.compile(r"GPP_S[A-D]"),
    # Names from general knowledge, unverified.
    preference=re.compile(
        r"(?:Ringer|Speaker|Handset|Headset)_Volume|LCD_Contrast|Back_Light_Timer"
        r"|Background_Picture_\w+|Screen_Saver_\w+|Default_Ring_\d+_|Ring_Tone\w*"
    ),
    renamed=(
        RenamedKey(
            old=re.compile("Admin_Passwd"), new="Admin_Password", families=frozenset({"mpp"})
        ),
        RenamedKey(
            old=re.compile("Admin_Password"), new="Admin_Passwd", families=frozenset({"spa"})
        ),
    ),
    traps=(
        KeyTrap(
            fault="lldp-disabled-by-template",
            key=re.compile("Enable_LLDP-MED"),
            value=re.compile("No|0", re.IGNORECASE),
        ),
        # From general knowledge, unverified.
        KeyTrap(
            fault="fixed-ip-wiped",
            key=re.compile("Connection_Type"),
            value=re.compile("DHCP", re.IGNORECASE),
        ),
    ),
    dtmf=(
        DtmfKey(
            key=re.compile(r"DTMF_Tx_Method_\d+_"),
            fits={
                "rfc2833": frozenset({"AVT", "Auto", "AVT+INFO"}),
                "info": frozenset({"INFO", "InBand+INFO", "AVT+INFO"}),
                "inband": frozenset({"InBand", "Auto", "InBand+INFO"}),
            },
        ),
    ),
)
