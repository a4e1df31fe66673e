"""What is known of Yealink's keys: classes, generations, limits, dangers.

Administrator and auto-provisioning guides V70 to V86 unless marked otherwise.
"""

from __future__ import annotations

import re

from offhook.core.maker_keys import DtmfKey, KeyLimit, KeyTrap, MakerKeys, RenamedKey

_OLD = frozenset({"v7x"})
_NEW = frozenset({"v86"})

DTMF = (
    # 3 is RFC 2833 and INFO together.
    DtmfKey(
        key=re.compile(r"account\.\d+\.dtmf\.type"),
        fits={
            "inband": frozenset({"0"}),
            "rfc2833": frozenset({"1", "3"}),
            "info": frozenset({"2", "3"}),
        },
    ),
)
PREFERENCE = re.compile(
    r"voice\.(?:handset|handfree|headset)\.\w+_vol|voice\.ring_vol|wallpaper_upload\.url"
    r"|phone_setting\.(?:\w*backlight\w*|contrast|backgrounds|ring_type)"
    r"|lang\.(?:gui|wui)|local_time\.(?:time|date)_format"
    # The headset switch (EHS): name unverified.
    r"|features\.headset_\w+"
)

# Models whose accounts or keys no source tells.
_DOUBTFUL_KEYS = frozenset({"t49g", "t52s", "t56a", "t88w", "vp59", "vp530"})
_DOUBTFUL_LINES = _DOUBTFUL_KEYS | frozenset(
    {"t32g", "t73u", "t73w", "t74u", "t74w", "t77u", "t85w", "t87w", "w80b", "ax83h", "ax86r"}
)


def traps(prefix: str) -> tuple[KeyTrap, ...]:
    """Keys that lose phones; `prefix` is a pattern with one group, the prefix of device keys."""
    return (
        KeyTrap(
            fault="lldp-disabled-by-template",
            key=re.compile(prefix + r"network\.lldp\.enable"),
            value=re.compile("0"),
        ),
        # Names as several provisioning templates have them, in no guide consulted: unverified.
        KeyTrap(
            fault="static-dns-overrides-dhcp",
            key=re.compile(prefix + r"network\.static_dns_enable"),
            value=re.compile("1"),
            without=r"\1network.primary_dns",
        ),
        KeyTrap(
            fault="fixed-ip-wiped",
            key=re.compile(prefix + r"network\.internet_port\.type"),
            value=re.compile("0"),
        ),
    )


KEYS = MakerKeys(
    network=re.compile(r"(?:static\.)?(?:network|wifi|openvpn)\..+"),
    secret=re.compile(r".*\.aes_key.*"),
    preference=PREFERENCE,
    renamed=(
        # V81 moved what belongs to the device under a prefix; a model born later knows no other.
        RenamedKey(
            old=re.compile(r"((?:network|auto_provision|security|syslog|wui)\..+|firmware\.url)"),
            new=r"static.\1",
            since=(81,),
            families=_NEW,
            is_prefix=True,
        ),
        RenamedKey(old=re.compile(r"static\.(.+)"), new=r"\1", families=_OLD),
        RenamedKey(
            old=re.compile(r"account\.(\d+)\.transport"),
            new=r"account.\1.sip_server.1.transport_type",
            since=(80,),
            families=_NEW,
        ),
        # "Only applicable to firmware 81 or prior"; the new form names the codec.
        RenamedKey(
            old=re.compile(r"account\.(\d+)\.codec\.\d+\.\w+"),
            new=r"account.\1.codec.pcmu.enable",
            since=(82,),
            families=_NEW,
        ),
        RenamedKey(
            old=re.compile(r"linekey\.(\d+)\.pickup_value"),
            new=r"linekey.\1.extension",
            since=(80,),
            families=_NEW,
        ),
    ),
    traps=traps(r"(static\.)?"),
    limits=(
        KeyLimit(
            key=re.compile(r"linekey\.(?P<n>\d+)\.type"), of="line_keys", doubtful=_DOUBTFUL_KEYS
        ),
        KeyLimit(
            key=re.compile(r"account\.(?P<n>\d+)\.enable"), of="lines", doubtful=_DOUBTFUL_LINES
        ),
        # EXP40 takes six modules in a row, EXP55 has 78 keys: no other has more (one source).
        KeyLimit(key=re.compile(r"expansion_module\.(?P<n>\d+)\.key\.\d+\.type"), most=6),
        KeyLimit(key=re.compile(r"expansion_module\.\d+\.key\.(?P<n>\d+)\.type"), most=78),
    ),
    dtmf=DTMF,
    firmware_from=1,
    ended=_OLD,
)
