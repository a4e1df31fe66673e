"""Polycom and Poly phones with UC software; sources in README.md."""

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
from offhook.vendors._dialects.xml_attributes import XmlAttributes
from offhook.vendors.polycom.keys import KEYS
from offhook.vendors.polycom.models import MODELS

_DIALECT = XmlAttributes()
_ZEROS = "000000000000"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _of_device(
    suffix: str, kind: FileKind, template: str = "", *, is_override: bool = False
) -> FileRule:
    """A file named after the MAC: `<mac>` and a suffix."""
    return FileRule(
        name="{mac}" + suffix,
        pattern=_pattern(MAC_IN_NAME + re.escape(suffix)),
        kind=kind,
        template=template,
        dialect=_DIALECT if template else None,
        overrides=_DIALECT if is_override else None,
    )


def _probe(name: str, pattern: str) -> FileRule:
    return FileRule(name=name, pattern=_pattern(pattern), kind=FileKind.OPTIONAL)


_FILES = (
    _of_device(".cfg", FileKind.DEVICE, "master.cfg.j2"),
    _of_device("-reg.cfg", FileKind.DEVICE, "reg.cfg.j2"),
    FileRule(
        name=f"{_ZEROS}.cfg",
        pattern=_pattern(rf"{_ZEROS}\.cfg"),
        kind=FileKind.COMMON,
        template="common-master.cfg.j2",
        dialect=_DIALECT,
        is_expected=False,  # asked only when <mac>.cfg is missing
    ),
    _of_device("-phone.cfg", FileKind.UPLOAD, is_override=True),
    _of_device("-web.cfg", FileKind.UPLOAD, is_override=True),
    *(
        _of_device(suffix, FileKind.UPLOAD)
        for suffix in (
            "-app.log",
            "-boot.log",
            "-directory.xml",
            "-calls.xml",
        )
    ),
    _of_device("-license.cfg", FileKind.OPTIONAL),
    _of_device("-user.cfg", FileKind.OPTIONAL),
    _probe(f"{_ZEROS}-license.cfg", rf"{_ZEROS}-license\.cfg"),
    _probe(f"{_ZEROS}-directory.xml", rf"{_ZEROS}-directory\.xml"),
    _probe("sip.ld", r"(?:[0-9]{4}-[0-9]{5}-[0-9]{3}\.)?(?:sip|bootrom|updater)\.(?:ld|ver)"),
    _probe("VVX-dictionary.xml", r"[A-Za-z]+-dictionary\.xml"),
)

_MODEL = r"(?P<model>[A-Za-z0-9_ ]+?)"
_FIRMWARE = r"(?P<firmware>[0-9]+(?:\.[0-9]+)+)"
_TAG = r"(?:[_ (](?:SN:)?(?P<mac>[0-9A-Fa-f]{12})\b)?"

PROFILE = VendorProfile(
    name="polycom",
    label="Polycom",
    ouis=frozenset(
        {
            "0004f2",
            "64167f",
            "482567",
            # Assigned to the makers that are one now; that phones carry them has one source.
            "000389",
            "00907a",
            "00197f",
            "00237f",
            "0ce0e4",
            "385c76",
            "48c1ac",
            "bcf292",
            "e422a5",
            "f4b688",
        }
    ),
    agents=(
        re.compile(
            rf"\b(?:FileTransport )?Poly(?:com)?[A-Za-z]*-{_MODEL}-UA/{_FIRMWARE}{_TAG}",
            re.IGNORECASE,
        ),
        re.compile(rf"^Polycom[/ ]{_MODEL}[/ ]{_FIRMWARE}", re.IGNORECASE),
    ),
    files=_FILES,
    models=MODELS,
    main="{mac}-reg.cfg",
    # The phone ignores a reboot parameter; our files make every check-sync a restart.
    reboot=Notify(event="check-sync"),
    resync=Notify(event="check-sync"),
    placeholder="$mac",
    url_form="{base}",
    menu=(
        "Web Interface → Settings → Provisioning Server",
        "Set Server URL to: `{url}`",
    ),
    dhcp=("160", "66"),
    status_menu="Menu → Status → Network",
    images=(".ld",),
    tls_since={"vvx": "5.4.0", "soundpoint": "5.4.0", "soundstation": "5.4.0"},  # unverified
    # Unless checkSync.alwaysReboot is 1, as our files set it.
    compares_files=True,
    # The names of the menu differ between releases: unverified.
    override_menu=(
        "Menu → Settings → Advanced → Administration Settings → Reset to Defaults",
        "Choose Reset Local Config, then Reset Web Config",
    ),
    behaviour=PhoneBehaviour(
        files=(
            "{mac}.cfg",
            "{mac}-reg.cfg",
            "{mac}-phone.cfg",
            "{mac}-web.cfg",
            "{mac}-license.cfg",
            f"{_ZEROS}-license.cfg",
            "{mac}-directory.xml",
            f"{_ZEROS}-directory.xml",
        ),
        agent="FileTransport PolycomVVX-{label}-UA/5.9.7.3480 Type/Application",
        sip_agent="PolycomVVX-{label}-UA/5.9.7.3480_{mac}",
        account=SampleLine(
            number="reg.1.address",
            display_name="reg.1.displayName",
            label="reg.1.label",
            auth_name="reg.1.auth.userId",
            secret="reg.1.auth.password",  # noqa: S106  # the name of the key
            server="reg.1.server.1.address",
            port="reg.1.server.1.port",
        ),
    ),
    keys=KEYS,
    notes=(
        "The manuals know no MAC variable in the server address: the phone asks for the literal "
        "`$mac.cfg`, is refused, and goes on with its own names beside it.",
        "<mac>.cfg only names the file with the parameters, <mac>-reg.cfg.",
        "Many 404 answers at each boot are normal: licences, firmware, dictionaries, directories.",
        "What a person changes on the phone or its web page comes back in <mac>-phone.cfg and "
        "<mac>-web.cfg and wins over ours; delete those files to enforce the settings.",
        "VVX D230 and Edge B are other phones under the same name and not supported.",
    ),
)
