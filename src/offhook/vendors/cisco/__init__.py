"""Cisco SPA 30x/50x and multiplatform (3PCC) phones; sources in README.md."""

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
from offhook.vendors._dialects.xml_elements import XmlElements
from offhook.vendors.cisco.keys import KEYS
from offhook.vendors.cisco.models import MODELS

_DIALECT = XmlElements()


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _profile(name: str, pattern: str, *, is_expected: bool) -> FileRule:
    """The file of one phone, whatever rule brought the phone to it."""
    return FileRule(
        name=name,
        pattern=_pattern(pattern),
        kind=FileKind.DEVICE,
        template="profile.xml.j2",
        dialect=_DIALECT,
        is_expected=is_expected,
    )


def _of_model(name: str, pattern: str, family: str) -> FileRule:
    """The file a phone asks for while its rule is the factory's: it points to `$MA.cfg`."""
    return FileRule(
        name=name,
        pattern=_pattern(pattern),
        kind=FileKind.COMMON,
        template="model.xml.j2",
        dialect=_DIALECT,
        families=frozenset({family}),
        is_expected=False,
    )


def _probe(name: str, pattern: str, *, is_trust_list: bool = False) -> FileRule:
    return FileRule(
        name=name,
        pattern=_pattern(pattern),
        kind=FileKind.OPTIONAL,
        is_trust_list=is_trust_list,
    )


def _other(name: str, pattern: str, kind: FileKind = FileKind.FOREIGN) -> FileRule:
    """What enterprise firmware asks, which this profile does not configure."""
    return FileRule(name=name, pattern=_pattern(pattern), kind=kind, is_expected=False)


_FILES = (
    _profile("{mac}.cfg", MAC_IN_NAME + r"\.cfg", is_expected=True),
    _profile("{mac}.xml", MAC_IN_NAME + r"\.xml", is_expected=False),
    _profile("spa{mac}.xml", "spa" + MAC_IN_NAME + r"\.(?:xml|cfg)", is_expected=False),
    _of_model("spa{code}.cfg", r"spa(?P<model>[0-9]{3}(?:G2?)?)\.(?:cfg|xml)", "spa"),
    _of_model("{code}.xml", r"(?P<model>[0-9]{4}(?:-3PCC)?)\.xml", "mpp"),
    _of_model("CP-{code}.xml", r"(?P<model>CP-[0-9]{4}(?:-3PCC)?)\.xml", "mpp"),
    # Enterprise firmware asks for trust lists first (404 is normal), then for its own file; for the
    # signed form of it only when it has kept such a list (README.md).
    _probe("CTLSEP{MAC}.tlv", "CTLSEP" + MAC_IN_NAME + r"\.tlv", is_trust_list=True),
    _probe("ITLSEP{MAC}.tlv", "ITLSEP" + MAC_IN_NAME + r"\.tlv", is_trust_list=True),
    _probe("ITLFile.tlv", r"ITLFile\.tlv", is_trust_list=True),
    _other("SEP{MAC}.cnf.xml", "SEP" + MAC_IN_NAME + r"\.cnf\.xml"),
    _other(
        "SEP{MAC}.cnf.xml.sgn",
        "SEP" + MAC_IN_NAME + r"\.cnf\.xml(?:\.enc)?\.sgn",
        FileKind.SIGNED,
    ),
    _other("SIP{MAC}.cnf", "SIP" + MAC_IN_NAME + r"\.cnf"),
    _probe("SIPDefault.cnf", r"SIPDefault\.cnf"),
    _probe("OS79XX.TXT", r"OS79XX\.TXT"),
    _probe("XMLDefault.cnf.xml", r"XMLDefault\.cnf\.xml"),
)

_FIRMWARE = r"(?P<firmware>[0-9][0-9A-Za-z.\-]*(?:\([0-9A-Za-z]+\))?)"
_MAC = r"(?:[ _]\(?(?P<mac>[0-9A-Fa-f]{12})\b)?"

PROFILE = VendorProfile(
    name="cisco",
    label="Cisco",
    ouis=frozenset(
        {
            "00045a",
            "000625",
            "000e08",
            "0014bf",
            "001839",
            "001873",
            "0018f8",
            "001a70",
            "001c10",
            "001d7e",
            "001ee5",
            "002129",
            "002155",
            "0021a0",
            "00226b",
            "002369",
            "00259c",
            "002699",
            "00562b",
            "00da55",
            "00e16d",
            "10bd18",
            "20aa4b",
            "30e4db",
            "503de5",
            "547c69",
            "586d8f",
            "687f74",
            "68efbd",
            "701f53",
            "a44c11",
            "bc671c",
            "c47295",
            "d0c789",
            "d0ec35",
        }
    ),
    agents=(
        re.compile(
            rf"^\s*Cisco[-/](?P<model>CP-?[0-9]{{4}}[A-Z]*(?:-3PCC)?)/{_FIRMWARE}{_MAC}",
            re.IGNORECASE,
        ),
        re.compile(
            rf"^\s*(?:Cisco|Linksys)/(?P<model>(?:SPA-?|PAP|WIP|ATA-?)[0-9]+[A-Z0-9]*?(?:-MPP)?)"
            rf"-{_FIRMWARE}{_MAC}",
            re.IGNORECASE,
        ),
        re.compile(
            rf"^\s*Cisco-(?P<model>SPA[0-9]+[A-Z0-9]*)/{_FIRMWARE}{_MAC}",
            re.IGNORECASE,
        ),
    ),
    files=_FILES,
    models=MODELS,
    main="{mac}.cfg",
    reboot=Notify(event="reboot_now"),
    # Told by the provisioning guides of all families; check-sync is accepted as the same.
    resync=Notify(event="resync"),
    placeholder="$MA",
    url_form="{base}$MA.cfg",
    menu=(
        "Web Interface → Admin Login → Voice → Provisioning",
        "Set Profile Rule to: `{url}`",
    ),
    dhcp=("66", "159", "160", "150"),
    status_menu="Menu → Status → Network",
    images=(".loads", ".img", ".bin"),
    # unverified for the newer of them, which also ask HTTP, on a port and path of their own.
    tftp_only=re.compile(r"(?<![0-9])(?:CP-?)?79[0-9]{2}[A-Z]{0,2}(?![0-9A-Z])", re.IGNORECASE),
    behaviour=PhoneBehaviour(
        files=("{mac}.cfg",),
        agent="Cisco-{label}/11.3.1 ({mac})",
        sip_agent="Cisco-{label}/11.3.1_{mac}",
        account=SampleLine(
            number="User_ID_1_",
            display_name="Display_Name_1_",
            label="Short_Name_1_",
            auth_name="Auth_ID_1_",
            secret="Password_1_",  # noqa: S106  # the name of the element
            server="Proxy_1_",
        ),
        challenges_notify=True,
    ),
    keys=KEYS,
    notes=(
        "$MA is the MAC in lower case, $MAU in upper case, $MAC with colons; all three are served.",
        "While the profile rule is the factory's, the phone asks for a file of its model; that "
        "file points it to its own.",
        "The phone answers NOTIFY with 401 and wants the line's user and password; after a change "
        "of the secret it comes back by itself at the next resync.",
        "SPA phones accept HTTPS only from servers with a certificate signed by Cisco.",
        "Phones with enterprise firmware ask for SEP<MAC>.cnf.xml and are not supported: they need "
        "the multiplatform (3PCC) firmware.",
    ),
)
