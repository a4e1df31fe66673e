"""Zultys ZIP 33G and ZIP 37G: Yealink firmware under another name; sources in README.md."""

from __future__ import annotations

import re

from offhook.core.mac import MAC_IN_NAME
from offhook.core.vendor import (
    FileKind,
    FileRule,
    Model,
    Notify,
    NotifySwitch,
    PhoneBehaviour,
    SampleLine,
    VendorProfile,
)
from offhook.vendors._dialects.keyvalue import KEYVALUE
from offhook.vendors.zultys.keys import KEYS

# Slots of `account.1.codec.N` as both phones announce them in their own SDP: number, our name
# (empty for codecs we never switch on), the firmware's name, RTP number. Slots 8 and 9 are only
# deduced and left alone.
_SLOTS_33G = (
    (1, "pcmu", "PCMU", 0),
    (2, "pcma", "PCMA", 8),
    (3, "ilbc", "iLBC", 106),
    (4, "", "G726-16", 103),
    (5, "g729", "G729", 18),
    (6, "g722", "G722", 9),
    (7, "", "G726-24", 104),
)
_SLOTS_37G = (
    (1, "pcmu", "PCMU", 0),
    (2, "pcma", "PCMA", 8),
    (3, "", "G723_53", 4),
    (4, "", "G723_63", 4),
    (5, "g729", "G729", 18),
    (6, "g722", "G722", 9),
)

# Accounts and line keys are unverified: those of the Yealink phones they are built like.
_MODELS = (
    Model(
        name="zip33g",
        label="ZIP 33G",
        family="v80",
        lines=2,
        line_keys=2,
        codes=("zip33g",),
        facts={"slots": _SLOTS_33G},
    ),
    Model(
        name="zip37g",
        label="ZIP 37G",
        family="v71",
        lines=6,
        line_keys=6,
        codes=("zip37g",),
        facts={"slots": _SLOTS_37G},
    ),
)

_FILES = (
    FileRule(
        name="{code}_common.cfg",
        pattern=re.compile(r"(?P<model>zip[0-9a-z]+)_common\.cfg", re.IGNORECASE),
        kind=FileKind.COMMON,
        template="common.cfg.j2",
        dialect=KEYVALUE,
    ),
    FileRule(
        name="{mac}.cfg",
        pattern=re.compile(MAC_IN_NAME + r"\.cfg", re.IGNORECASE),
        kind=FileKind.DEVICE,
        template="main.cfg.j2",
        dialect=KEYVALUE,
    ),
    # Neither firmware seen asks for it; later Yealink firmware does.
    FileRule(
        name="{mac}.boot",
        pattern=re.compile(MAC_IN_NAME + r"\.boot", re.IGNORECASE),
        kind=FileKind.OPTIONAL,
    ),
)

PROFILE = VendorProfile(
    name="zultys",
    label="Zultys",
    ouis=frozenset({"000bea"}),
    agents=(
        re.compile(
            r"^\s*Zultys[ ]+(?P<model>[A-Za-z0-9][A-Za-z0-9 _]*?)[ ]+-[ ]+"
            r"(?P<firmware>[0-9]+(?:\.[0-9]+)+)",
            re.IGNORECASE,
        ),
        re.compile(r"^\s*Zultys[ ]+(?P<model>ZIP[ _\-]?[0-9A-Za-z]+)", re.IGNORECASE),
    ),
    files=_FILES,
    models=_MODELS,
    main="{mac}.cfg",
    reboot=Notify(event="check-sync;reboot=true"),
    resync=Notify(event="check-sync;reboot=false"),
    placeholder="$mac",
    url_form="{base}",
    menu=(
        "Phone Menu → Setup → Network → Provisioning",
        "Set Server URL to: `{url}`",
    ),
    dhcp=("66", "43"),
    status_menu="Phone Menu → Status → Network",
    images=(".rom",),
    # The firmware's, as documented for the phones it is built for: unverified here.
    notify_switch=NotifySwitch(key="sip.notify_reboot_enable", ignores="2"),
    compares_files=True,
    behaviour=PhoneBehaviour(
        files=("{code}_common.cfg", "{mac}.cfg"),
        agent="Zultys {label} - 47.80.132.4",
        sip_agent="Zultys {label} - 47.80.132.4",
        account=SampleLine(
            number="account.1.user_name",
            display_name="account.1.display_name",
            label="account.1.label",
            auth_name="account.1.auth_name",
            secret="account.1.password",  # noqa: S106  # the name of the key
            server="account.1.sip_server.1.address",
            port="account.1.sip_server.1.port",
        ),
        mac_header="Mac",
        # Seen of a ZIP 37G, firmware 47.80.132.4; the ZIP 33G closes.
        keeps_connection=frozenset({"v71"}),
    ),
    keys=KEYS,
    notes=(
        "Whether the phone fills in $mac is unverified: the directory URL always works.",
        "A ZIP 37G asks a URL it cannot fetch six times in a second, then takes it as a folder and "
        "appends its own file names: such a request is served by its last part.",
        "An unchanged file is not applied again: the phone compares MD5 sums.",
        "Its User-Agent holds no MAC; in SIP it tells it in a Mac header once provisioned by us.",
    ),
)
