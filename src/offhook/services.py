"""What the HTTP side acts on, taken from a running PBX."""

from __future__ import annotations

from offhook.actions.manual_reboots import ManualReboots
from offhook.actions.preview import Previews
from offhook.actions.shown_files import ShownFiles
from offhook.actions.site_templates import SiteTemplates
from offhook.actions.timeline import Timeline
from offhook.actions.unknown_phones import UnknownPhones
from offhook.actions.verdicts import Verdicts
from offhook.app import Pbx
from offhook.core.events import Changed
from offhook.store.template_folder import TemplateFolder
from offhook.store.templates import package_templates
from offhook.web.ports import Services


def services(pbx: Pbx) -> Services:
    """What the HTTP side acts on."""
    unknown = UnknownPhones(changing=pbx.changing, journal=pbx.store.journal)
    pbx.events.subscribe(unknown.on_event, Changed, hears_others=True)
    return Services(
        settings=pbx.settings,
        config=pbx.config,
        state=pbx.state,
        files=pbx.files,
        engine=pbx.engine,
        reboots=pbx.reboots,
        phones=pbx.phones,
        changing=pbx.changing,
        extensions=pbx.extensions,
        previews=Previews(
            changing=pbx.changing,
            engine=pbx.engine,
            reboots=pbx.reboots,
            config=pbx.config,
            packaged=package_templates(),
        ),
        site_templates=SiteTemplates(
            changing=pbx.changing,
            free_settings=pbx.free_settings,
            store=TemplateFolder(pbx.settings.provisioning.templates),
            packaged=package_templates(),
        ),
        devices=pbx.devices,
        free_settings=pbx.free_settings,
        manual_reboots=ManualReboots(state=pbx.state, reboots=pbx.reboots, events=pbx.events),
        shown_files=ShownFiles(state=pbx.state, devices=pbx.devices),
        unknown_phones=unknown,
        tokens=pbx.tokens,
        admins=pbx.admins,
        nodes=pbx.nodes,
        lead=pbx.store.lead,
        events=pbx.events,
        diagnose=pbx.diagnose,
        fleet=pbx.fleet,
        phone_list=pbx.phone_list,
        delivered=pbx.delivered,
        probes=pbx.probes,
        verdicts=Verdicts(state=pbx.state, diagnose=pbx.diagnose),
        timeline=Timeline(
            state=pbx.state,
            journal=pbx.store.journal,
            reboots=pbx.store.reboots,
            inventory=pbx.store.inventory,
        ),
        measures=pbx.measures,
        journal=pbx.store.journal,
        reboot_store=pbx.store.reboots,
        uploads=pbx.store.uploads,
        inventory=pbx.store.inventory,
        version=pbx.version,
        started_at=pbx.started_at,
        now=pbx.now,
        syncs=pbx.syncs,
        links=pbx.links,
        link_store=pbx.store.links,
    )
