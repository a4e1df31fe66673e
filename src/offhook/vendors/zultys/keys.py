"""What is known of these phones' keys: what both logged, and the guides of their firmware's maker.

Names that the phones' own logs refused are listed with the right ones.
"""

from __future__ import annotations

import re

from offhook.core.maker_keys import DtmfKey, KeyTrap, MakerKeys, RenamedKey

_V80 = frozenset({"v80"})
_V71 = frozenset({"v71"})


def _refused(old: str, new: str = "", families: frozenset[str] = frozenset()) -> RenamedKey:
    return RenamedKey(old=re.compile(old), new=new, families=families)


KEYS = MakerKeys(
    network=re.compile(r"network\..+"),
    secret=re.compile(r".*\.aes_key.*"),
    preference=re.compile(
        r"voice\.(?:handset|handfree|headset)\.\w+_vol|voice\.ring_vol|wallpaper_upload\.url"
        r"|phone_setting\.(?:backlight_time|contrast|backgrounds)|lang\.(?:gui|wui)"
    ),
    renamed=(
        # Both firmwares are older than the prefix (one source for these two).
        _refused(r"static\.(.+)", r"\1"),
        _refused(r"account\.(\d+)\.sip_server\.1\.transport", r"account.\1.transport", _V71),
        _refused(
            r"account\.(\d+)\.sip_server\.1\.transport",
            r"account.\1.sip_server.1.transport_type",
            _V80,
        ),
        _refused(r"linekey\.(\d+)\.extension", r"linekey.\1.pickup_value", _V71),
        _refused(r"phone_setting\.language", "lang.gui"),
        _refused(r"phone_setting\.lcd_contrast", "phone_setting.contrast"),
        _refused(r"auto_provision\.pnp\.enable", "auto_provision.pnp_enable"),
        _refused(r"ldap\.server", "ldap.host"),
        _refused(r"ldap\.number_attr", "ldap.numb_attr"),
        _refused(r"remote_phonebook\.url", "remote_phonebook.data.1.url"),
        _refused(r"voice_mail\.subscribe\.(\d+)(?:\.mwi)?", r"account.\1.subscribe_mwi"),
    ),
    traps=(
        KeyTrap(
            fault="lldp-disabled-by-template",
            key=re.compile(r"network\.lldp\.enable"),
            value=re.compile("0"),
        ),
        # Of the firmware's maker; not seen on these phones, unverified.
        KeyTrap(
            fault="static-dns-overrides-dhcp",
            key=re.compile(r"network\.static_dns_enable"),
            value=re.compile("1"),
            without="network.primary_dns",
        ),
        KeyTrap(
            fault="fixed-ip-wiped",
            key=re.compile(r"network\.internet_port\.type"),
            value=re.compile("0"),
        ),
    ),
    dtmf=(
        DtmfKey(
            key=re.compile(r"account\.\d+\.dtmf\.type"),
            fits={
                "inband": frozenset({"0"}),
                "rfc2833": frozenset({"1"}),
                "info": frozenset({"2"}),
            },
        ),
    ),
    firmware_from=1,
)
