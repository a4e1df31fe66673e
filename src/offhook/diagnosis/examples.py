"""One healthy phone and its surroundings: rules make their examples by changing one thing."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from offhook.core.events import CallFailed, RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import (
    Attempt,
    Device,
    Extension,
    Line,
    OutcomeKind,
    Reboot,
    RebootStep,
    RegisterNote,
    RegisterOutcome,
    Registration,
    Sighting,
    UnknownPhone,
)
from offhook.core.nodes import Node
from offhook.core.secret import Secret
from offhook.core.vendor import (
    FileKind,
    FileRule,
    Model,
    Notify,
    PhoneBehaviour,
    SampleLine,
    VendorProfile,
)
from offhook.diagnosis.facts import DirectoryFacts, DirectoryRun, Facts, ServedAccount, SipFacts

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MAC = Mac(0x02ACCE000001)
OTHER_MAC = Mac(0x02ACCE7F4E10)
ADDRESS = "192.0.2.50"
AGENT = "Acme One 1.2.3"
FILE = f"{MAC}.cfg"
_DIGEST = "a" * 64

ACME = VendorProfile(
    name="acme",
    label="Acme",
    ouis=frozenset({"02acce"}),
    agents=(re.compile(r"^Acme (?P<model>\w+) (?P<firmware>[\d.]+)"),),
    files=(
        FileRule(
            name="{mac}.cfg",
            pattern=re.compile(r"(?P<mac>[0-9a-f]{12})\.cfg", re.IGNORECASE),
            kind=FileKind.DEVICE,
            template="acme.j2",
        ),
    ),
    models=(
        Model(name="one", label="One", family="all", lines=2),
        Model(name="two", label="Two", family="all", lines=4),
    ),
    main="{mac}.cfg",
    reboot=Notify(event="check-sync;reboot=true"),
    resync=Notify(event="check-sync"),
    placeholder="$mac",
    url_form="{base}",
    menu=("Web Interface → Provisioning", "Set Server URL to: `{url}`"),
    dhcp=("66",),
    behaviour=PhoneBehaviour(
        files=("{mac}.cfg",),
        agent="Acme {label} 1.2.3",
        sip_agent="Acme {label} 1.2.3",
        account=SampleLine(
            number="user",
            display_name="name",
            label="label",
            auth_name="auth",
            secret="secret",  # noqa: S106 - the name of a key in the file, not a secret
            server="server",
        ),
    ),
    status_menu="Menu → Status → Network",
)
"""A maker that does not exist: examples and tests of rules need one."""


EXTENSION = Extension(number="1001", name="Ada", secret=Secret("example"), created_at=NOW)
PHONE = Device(
    mac=MAC,
    vendor="acme",
    model="one",
    lines=(Line(index=1, extension="1001"),),
    admin_password=Secret("example"),
    created_at=NOW - 60 * MINUTE,
    updated_at=NOW - 60 * MINUTE,
)
SEEN = Sighting(
    mac=MAC,
    address=ADDRESS,
    user_agent=AGENT,
    firmware="1.2.3",
    last_contact=NOW - 30 * MINUTE,
    last_provisioned=NOW - 30 * MINUTE,
    delivered={FILE: _DIGEST},
)
BINDING = Registration(
    extension="1001",
    contact=f"sip:1001@{ADDRESS}:5060",
    source=f"udp:{ADDRESS}:5060",
    call_id="example",
    cseq=2,
    user_agent=AGENT,
    mac=MAC,
    registered_at=NOW - 29 * MINUTE,
    refreshed_at=NOW - 29 * MINUTE,
    expires_at=NOW + 60 * MINUTE,
)
SERVED = Attempt(
    request_id="example-1",
    at=NOW - 30 * MINUTE,
    transport="http",
    method="GET",
    path=FILE,
    address=ADDRESS,
    user_agent=AGENT,
    mac_text=str(MAC),
    mac=MAC,
    file=FILE,
    kind=OutcomeKind.SERVED,
    status=200,
    vendor="acme",
    model="one",
    firmware="1.2.3",
    extension="1001",
    digest=_DIGEST,
    is_device_file=True,
)
REFUSED = Attempt(
    request_id="example-2",
    at=NOW - 5 * MINUTE,
    transport="http",
    method="GET",
    path="$mac.cfg",
    address="192.0.2.51",
    user_agent=AGENT,
    mac_text="",
    mac=None,
    file="$mac.cfg",
    kind=OutcomeKind.REFUSED,
    status=400,
    fault="P201",
    vendor="acme",
)
UNKNOWN = UnknownPhone(
    mac=OTHER_MAC,
    vendor="acme",
    model="one",
    address="192.0.2.51",
    user_agent=AGENT,
    first_seen=NOW - 20 * MINUTE,
    last_seen=NOW - 5 * MINUTE,
    count=4,
)
REFUSED_REGISTER = RegistrationRefused(
    extension="1001",
    claimed="1001",
    source="udp:192.0.2.51:5060",
    user_agent=AGENT,
    mac=None,
    reason="wrong_digest",
    at=NOW - 5 * MINUTE,
)
REGISTERED = RegisterNote(
    extension="1001",
    domain="192.0.2.1",
    claimed="1001",
    realm="offhook",
    digest_uri="sip:192.0.2.1",
    uri="sip:192.0.2.1",
    source=BINDING.source,
    via_host=ADDRESS,
    via_port=5060,
    has_rport=True,
    contact_host=ADDRESS,
    contact_port=5060,
    has_path=False,
    call_id=BINDING.call_id,
    user_agent=AGENT,
    mac=MAC,
    asked_s=3600,
    granted_s=3600,
    status=200,
    outcome=RegisterOutcome.REGISTERED,
    at=BINDING.refreshed_at,
)
"""The REGISTER that made the binding."""

FAILED_CALL = CallFailed(
    caller="1002",
    callee="1001",
    contact=BINDING.contact,
    source=BINDING.source,
    status=0,
    reason="no answer at all",
    caller_agent="Acme Two 1.2.3",
    callee_agent="",
    at=NOW - 5 * MINUTE,
)
REBOOT = Reboot(
    id="example",
    mac=MAC,
    extension="1001",
    contact=BINDING.contact,
    vendor="acme",
    event="check-sync;reboot=true",
    reason="device changed",
    asked_by="admin",
    asked_at=NOW - 20 * MINUTE,
    step=RebootStep.UNANSWERED,
)

BOLT = replace(
    ACME,
    name="bolt",
    label="Bolt",
    ouis=frozenset({"02b017"}),
    agents=(re.compile(r"^Bolt (?P<model>\w+) (?P<firmware>[\d.]+)"),),
    placeholder="$MA",
    url_form="{base}$MA.cfg",
)
"""A second maker, with another MAC variable."""

SYNCED = DirectoryRun(at=NOW - 10 * MINUTE, status="ok")
DIRECTORY = DirectoryFacts(source="ad", server="ldaps://dc1.example.test", runs=(SYNCED,))

HEALTHY = Facts(
    now=NOW,
    profiles={"acme": ACME, "bolt": BOLT},
    extensions={"1001": EXTENSION},
    devices={MAC: PHONE},
    sightings={MAC: SEEN},
    expected={MAC: {FILE: _DIGEST}},
    registrations={"1001": (BINDING,)},
    device_registrations={MAC: (BINDING,)},
    attempts=(SERVED,),
    directory=DIRECTORY,
    sip=SipFacts(notes=(REGISTERED,), accounts={MAC: ServedAccount()}),
)
"""Nothing wrong: no rule finds anything here."""


def directory_facts(**values: Any) -> Facts:  # Any: the fields of DirectoryFacts
    """Give the healthy surroundings with something else known of the directory."""
    return replace(HEALTHY, directory=replace(DIRECTORY, **values))


def failed_run(fault: str, **values: object) -> Facts:
    """Give the healthy surroundings with a last synchronisation that failed."""
    run = DirectoryRun(at=NOW - MINUTE, status="failed", fault=fault, values=values)
    return directory_facts(runs=(run, SYNCED))


def two_nodes(facts: Facts) -> Facts:
    """The same with a second node beside this one, both alive and alike."""
    nodes = tuple(
        Node(
            id=name,
            name=name,
            version="1.0",
            started_at=NOW - 60 * MINUTE,
            seen_at=NOW,
            silent_s=0.5,
            is_leading=name == "north",
            settings_digest="alike",
            templates_digest="alike",
        )
        for name in ("north", "south")
    )
    return replace(facts, nodes=nodes, node="north")
