"""What a node among several does beside its own work: hear the others, beat, lead in its turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from offhook.actions.elsewhere import Elsewhere
from offhook.actions.template_wake import TemplateWake
from offhook.nodes import CREDENTIALS, Beat, Nodes
from offhook.sip_engine import StartedEngine
from offhook.tasks import every

if TYPE_CHECKING:
    from offhook.app import Pbx

TEMPLATES_AGREE_S = 1.0


def join_nodes(pbx: Pbx, beat: Beat, started: StartedEngine) -> list[Callable[[], Awaitable[None]]]:
    """Begin to follow the others and to beat; gives the functions that stop it."""
    nodes = _nodes_of(pbx, beat, started)
    nodes.start()
    wake = _template_wake(pbx, beat)
    return [nodes.stop, every(TEMPLATES_AGREE_S, "tell of new templates", wake.tick)]


def _template_wake(pbx: Pbx, beat: Beat) -> TemplateWake:
    """Let one of the nodes tell phones of new templates, when all have them."""
    wake = TemplateWake(
        nodes=beat.listed,
        lead=beat.lead,
        digest=lambda: beat.note().templates_digest,
        wake=pbx.free_settings.wake_for_templates,
    )
    pbx.free_settings.on_templates = wake.changed
    return wake


def _nodes_of(pbx: Pbx, beat: Beat, started: StartedEngine) -> Nodes:
    """The tasks that take in what other nodes do."""
    elsewhere = Elsewhere(
        state=pbx.state,
        files=pbx.files,
        phones=pbx.phones,
        reboots=pbx.reboots,
        store=beat.several.news,
        publish=pbx.events.publish_elsewhere,
        on_kind={
            "token": [pbx.tokens.forget],
            "admin": [pbx.admins.forget],
            CREDENTIALS: [started.on_lead],
        },
        on_anew=[pbx.fleet.mark_all, pbx.phone_list.forget_all, started.on_lead],
    )
    beat.several.change_lock.catch_up = elsewhere.catch_up
    pbx.state.lock = beat.several.change_lock
    return Nodes(
        several=beat.several,
        beat=beat,
        elsewhere=elsewhere,
        reboots=pbx.reboots,
        engine=pbx.engine,
        is_only=pbx.settings.sip.engine == "embedded",
        on_lead=(started.on_lead, pbx.store.journal.prune),
        on_lost=started.on_lost,
    )
