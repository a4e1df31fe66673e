"""What the HTTP side acts on: `app` fills it in, so that web knows no wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from offhook.actions.admins import Admins
from offhook.actions.changing import Changing
from offhook.actions.delivered import Delivered
from offhook.actions.devices import Devices
from offhook.actions.diagnose import Diagnose
from offhook.actions.directory_ports import LinkStore
from offhook.actions.extensions import Extensions
from offhook.actions.files import Files
from offhook.actions.fleet import Fleet
from offhook.actions.free_settings import FreeSettings
from offhook.actions.lead import Lead
from offhook.actions.links import Links
from offhook.actions.manual_reboots import ManualReboots
from offhook.actions.measures import Measures
from offhook.actions.nodes import NodeList
from offhook.actions.phone_list import PhoneList
from offhook.actions.phones import Phones
from offhook.actions.ports import (
    Clock,
    InventoryStore,
    Journal,
    RebootStore,
    SipEngine,
    UploadStore,
)
from offhook.actions.preview import Previews
from offhook.actions.probes import Probes
from offhook.actions.publish import Events
from offhook.actions.reboots import Reboots
from offhook.actions.shown_files import ShownFiles
from offhook.actions.site_templates import SiteTemplates
from offhook.actions.state import State
from offhook.actions.sync import Sync
from offhook.actions.timeline import Timeline
from offhook.actions.tokens import Tokens
from offhook.actions.unknown_phones import UnknownPhones
from offhook.actions.verdicts import Verdicts
from offhook.diagnosis.facts import ConfigFacts
from offhook.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The verbs and the stores that the API reads from."""

    settings: Settings
    config: ConfigFacts
    state: State
    files: Files
    engine: SipEngine
    reboots: Reboots
    phones: Phones
    previews: Previews
    site_templates: SiteTemplates
    changing: Changing
    extensions: Extensions
    devices: Devices
    free_settings: FreeSettings
    manual_reboots: ManualReboots
    shown_files: ShownFiles
    unknown_phones: UnknownPhones
    tokens: Tokens
    admins: Admins
    nodes: NodeList
    lead: Lead
    events: Events
    diagnose: Diagnose
    verdicts: Verdicts
    fleet: Fleet
    phone_list: PhoneList
    delivered: Delivered
    probes: Probes
    timeline: Timeline
    measures: Measures
    journal: Journal
    reboot_store: RebootStore
    uploads: UploadStore
    inventory: InventoryStore
    version: str
    started_at: datetime
    now: Clock
    syncs: Mapping[str, Sync]
    links: Links
    link_store: LinkStore
