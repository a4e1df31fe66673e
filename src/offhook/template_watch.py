"""Watch the folder of the site's templates: what an editor saves there is used in a moment."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from offhook.actions.diagnose import Diagnose
from offhook.actions.free_settings import FreeSettings
from offhook.actions.state import State
from offhook.core.render import Templates
from offhook.errors import BadRequestError, OffhookError
from offhook.store.templates import load_templates, own_names

_log = logging.getLogger("offhook.app")
TEMPLATE_SCAN_S = 2.0


def watched(
    folder: Path, revision: str, state: State, diagnose: Diagnose, free_settings: FreeSettings
) -> Callable[[], Awaitable[None]]:
    """Look whether the site's templates changed; when they did, wake the phones concerned."""
    current, refused, found = revision, "", ""

    async def scan() -> None:
        nonlocal current, refused, found
        try:
            sources, found = await asyncio.to_thread(load_templates, folder)
            if found == current:
                refused = diagnose.template_problem = ""
            if found in (current, refused):
                return
            if sources == state.source.templates.sources:  # saved by ourselves
                current, diagnose.template_problem = found, ""
                return
            templates = Templates(sources, await asyncio.to_thread(own_names, sources))
            source = replace(state.source, templates=templates)
            changes = await free_settings.templates_changed(source, "site templates")
        except OffhookError as error:
            if str(error) != refused:
                _log.warning("Site templates not taken, the former ones stay in use: %s", error)
            refused = found if isinstance(error, BadRequestError) else str(error)
            diagnose.template_problem = str(error)
            return
        current, diagnose.template_problem = found, ""
        _log.info("Site templates in use: %s", changes.told)

    return scan
