"""Yealink: desk phones T1x to T8x, conference phones, DECT bases; sources in README.md."""

from __future__ import annotations

import re

from offhook.core.mac import MAC_IN_NAME
from offhook.core.vendor import (
    FileKind,
    FileRule,
    Notify,
    NotifySwitch,
    PhoneBehaviour,
    SampleLine,
    VendorProfile,
)
from offhook.vendors._dialects.keyvalue import KEYVALUE
from offhook.vendors.yealink.keys import KEYS
from offhook.vendors.yealink.models import MODELS


def _name(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_FILES = (
    # Only files that a boot file lists are fetched once one is answered; without any, firmware of
    # every generation asks for the two .cfg files. So boot files are 404 on purpose.
    FileRule(name="{mac}.boot", pattern=_name(MAC_IN_NAME + r"\.boot"), kind=FileKind.OPTIONAL),
    FileRule(name="y000000000000.boot", pattern=_name(r"y[0-9]{12}\.boot"), kind=FileKind.OPTIONAL),
    FileRule(
        name="{code}.cfg",
        pattern=_name(r"(?P<model>y[0-9]{12})\.cfg"),
        kind=FileKind.COMMON,
        template="common.cfg.j2",
        dialect=KEYVALUE,
    ),
    FileRule(
        name="{mac}.cfg",
        pattern=_name(MAC_IN_NAME + r"\.cfg"),
        kind=FileKind.DEVICE,
        template="main.cfg.j2",
        dialect=KEYVALUE,
    ),
    FileRule(
        name="{mac}-local.cfg",
        pattern=_name(MAC_IN_NAME + r"-local\.cfg"),
        kind=FileKind.UPLOAD,
        overrides=KEYVALUE,
    ),
    FileRule(
        name="{mac}-contact.xml",
        pattern=_name(MAC_IN_NAME + r"-contact\.xml"),
        kind=FileKind.UPLOAD,
    ),
    FileRule(
        name="{mac}-calllog.xml",
        pattern=_name(MAC_IN_NAME + r"-calllog\.xml"),
        kind=FileKind.UPLOAD,
    ),
    FileRule(
        name="{mac}_Security.enc",
        pattern=_name(MAC_IN_NAME + r"_Security\.enc"),
        kind=FileKind.OPTIONAL,
    ),
    FileRule(
        name="{code}_Security.enc",
        pattern=_name(r"(?P<model>y[0-9]{12})_Security\.enc"),
        kind=FileKind.OPTIONAL,
    ),
)

_MODEL = r"(?P<model>[A-Za-z0-9]+(?:[_\-][A-Za-z0-9]+)*)"
_FIRMWARE = r"(?P<firmware>[0-9]+(?:\.[0-9]+)+)"

PROFILE = VendorProfile(
    name="yealink",
    label="Yealink",
    ouis=frozenset(
        {
            "001565",
            "249ad8",
            "44dbd2",
            "805e0c",
            "805ec0",
            "c4fc22",
            # One source each, newer than the registry consulted: unverified.
            "3497d7",
            "644f56",
            "b061a9",
            "e434d7",
            "ec1da9",
            "f01653",
        }
    ),
    agents=(
        re.compile(rf"^\s*yealink[ \-]+(?:SIP[ \-]+)?{_MODEL}[ /]+{_FIRMWARE}", re.IGNORECASE),
        # Old firmware of these two writes no maker's name.
        re.compile(rf"^\s*(?P<model>VP530P?|W52P)[ /]+{_FIRMWARE}", re.IGNORECASE),
        re.compile(rf"^\s*yealink[ \-]+(?:SIP[ \-]+)?{_MODEL}\s*$", re.IGNORECASE),
    ),
    files=_FILES,
    models=MODELS,
    main="{mac}.cfg",
    reboot=Notify(event="check-sync;reboot=true"),
    resync=Notify(event="check-sync;reboot=false"),
    placeholder="$mac",
    url_form="{base}",
    menu=(
        "Web Interface → Settings → Auto Provision",
        "Set Server URL to: `{url}`",
    ),
    dhcp=("66", "43"),
    status_menu="Menu → Status → Network",
    images=(".rom",),
    # 2 ignores every NOTIFY; 1, the phone's own default, makes each a restart.
    notify_switch=NotifySwitch(key="sip.notify_reboot_enable", ignores="2"),
    compares_files=True,
    # Where the button is differs between generations: unverified.
    override_menu=(
        "Web Interface → Settings → Upgrade",
        "Press Reset beside Reset Local Settings",
    ),
    behaviour=PhoneBehaviour(
        files=("{mac}.boot", "y000000000000.boot", "{code}.cfg", "{mac}.cfg"),
        agent="Yealink {label} 66.86.0.15 {mac_colons}",
        sip_agent="Yealink {label} 66.86.0.15",
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
    ),
    keys=KEYS,
    notes=(
        "The directory URL works with every firmware; that the phone fills in $mac is unverified. "
        "When it does not, it appends its own file names and is served by the last one.",
        "Firmware V81 and later first asks for two .boot files; answering 404 is right.",
        "An unchanged file is not applied again: the phone compares MD5 sums.",
        "Provisioned phones reboot on check-sync;reboot=true and only fetch on other check-sync.",
    ),
)
