"""Grandstream GXP and GRP desk phones and HT adapters; sources in README.md."""

from __future__ import annotations

import re

from offhook.core.mac import MAC_IN_NAME
from offhook.core.vendor import (
    FileKind,
    FileRule,
    Notify,
    PhoneBehaviour,
    SampleLine,
    VendorProfile,
)
from offhook.vendors._dialects.xml_pvalues import XmlPValues
from offhook.vendors.grandstream.keys import KEYS
from offhook.vendors.grandstream.models import MODELS

_DIALECT = XmlPValues()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _of_device(name: str, pattern: str, *, is_expected: bool = False) -> FileRule:
    return FileRule(
        name=name,
        pattern=_pattern(pattern),
        kind=FileKind.DEVICE,
        template="provision.xml.j2",
        dialect=_DIALECT,
        is_expected=is_expected,
    )


def _common(name: str, pattern: str) -> FileRule:
    """What firmware asks for after its own file; it only says where to ask."""
    return FileRule(
        name=name,
        pattern=_pattern(pattern),
        kind=FileKind.COMMON,
        template="common.xml.j2",
        dialect=_DIALECT,
        is_expected=False,
    )


def _probe(name: str, pattern: str) -> FileRule:
    return FileRule(name=name, pattern=_pattern(pattern), kind=FileKind.OPTIONAL)


_FILES = (
    # The binary form, asked first: XML would be taken for a damaged binary.
    _probe("cfg{mac}", "cfg" + MAC_IN_NAME),
    _probe("cfg{mac}.bin", "cfg" + MAC_IN_NAME + r"\.bin"),
    _of_device("cfg{mac}.xml", "cfg" + MAC_IN_NAME + r"\.xml", is_expected=True),
    _of_device("{mac}.cfg", MAC_IN_NAME + r"\.cfg"),
    _of_device("{mac}.xml", MAC_IN_NAME + r"\.xml"),
    _common("cfg{code}.xml", r"cfg(?P<model>(?:gxp|grp|ht)[0-9]{3,4}(?:v2)?)\.xml"),
    _common("cfg.xml", r"cfg\.xml"),
    _probe("{code}fw.bin", r"[a-z0-9]+fw\.bin"),
    _probe("phonebook.xml", r"(?:gs_)?phonebook\.xml"),
    _probe("ring1.bin", r"ring[0-9]+\.bin"),
    _probe("gxp.txt", r"(?:gxp|grp)[a-z0-9]*\.txt"),
)

_MODEL = r"(?P<model>[A-Z]{2,3}[0-9]{3,4}[A-Z0-9]*)"
_FIRMWARE = r"(?P<firmware>[0-9]+(?:\.[0-9]+)+)"
_ID = r"DevId\s+(?P<mac>[0-9A-Fa-f]{12})"

PROFILE = VendorProfile(
    name="grandstream",
    label="Grandstream",
    ouis=frozenset({"000b82", "c074ad", "ec74d7"}),
    agents=(
        re.compile(
            rf"Grandstream Model HW\s+{_MODEL}(?:\s+V[0-9.]+[A-Z]?)?\s+SW\s+{_FIRMWARE}\s+{_ID}",
            re.IGNORECASE,
        ),
        re.compile(rf"Grandstream\s+{_MODEL}\s+\([^)]*?:{_FIRMWARE}[^)]*\)\s+{_ID}", re.IGNORECASE),
        re.compile(rf"Grandstream\s+{_MODEL}\s+(?:V[0-9.]+[A-Z]?\s+)?{_FIRMWARE}", re.IGNORECASE),
    ),
    files=_FILES,
    models=MODELS,
    main="cfg{mac}.xml",
    reboot=Notify(event="check-sync;reboot=true"),
    # Fetches without a restart; plain check-sync restarts older firmware.
    resync=Notify(event="resync"),
    placeholder="$mac",
    url_form="{base}",
    menu=(
        "Web Interface → Maintenance → Upgrade and Provisioning",
        "Set Config Server Path to: `{url}`",
        "Choose HTTP under Upgrade Via and leave `http://` away from the path: "
        "the phone puts it there itself",
    ),
    dhcp=("66", "43", "160"),
    status_menu="Menu → Status → Network",
    # Values by the maker's templates; old firmware knows No and Yes (all) only: unverified.
    unregister_menu=(
        "Web Interface → Accounts → SIP Settings → Basic Settings → Unregister On Reboot: "
        "No or Instance, not All (P81: 0)"
    ),
    images=("fw.bin",),
    behaviour=PhoneBehaviour(
        files=("cfg{mac}", "cfg{mac}.xml", "cfg{code}.xml", "cfg.xml"),
        agent="Grandstream Model HW {label} SW 1.0.11.64 DevId {mac}",
        sip_agent="Grandstream {label} 1.0.11.64",
        account=SampleLine(
            number="P35",
            display_name="P3",
            label="P270",
            auth_name="P36",
            secret="P34",  # noqa: S106  # the number of the value
            server="P47",
        ),
        challenges_notify=True,
        stops_at_first=True,
    ),
    keys=KEYS,
    notes=(
        "The config path is a directory without http://; the phone appends cfg<mac>.xml to it, "
        "also when it ends in $mac.cfg.",
        "cfg<mac> without an ending is the binary form; 404 is the right answer.",
        "Desk phones answer NOTIFY with 401 and want the account's user and password; after a "
        "change of the secret they come back by themselves at the next check.",
        "The register expiry is in minutes.",
        "HT812, HT814 and HT818 keep one server for all ports.",
    ),
)
