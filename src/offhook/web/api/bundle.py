"""The support bundle: what somebody else needs to find a fault, without a single secret."""

from __future__ import annotations

import asyncio
import io
import json
import platform
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response
from pydantic import SecretStr

from offhook.actions.scrub import Scrubber, known_secrets
from offhook.settings import Settings
from offhook.web.api import (
    calls,
    changes,
    devices,
    diagnostics,
    extensions,
    reboots,
    requests,
    settings,
    status,
    unknown,
)
from offhook.web.api.answers import HEADERS
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import PAGE_MAX, Page, SearchPage
from offhook.web.ports import Services

router = APIRouter(tags=["diagnostics"])

LOG_BYTES = 2 * 1024 * 1024
_README = """\
Support bundle of Offhook {version}, made {at}.

Every secret this PBX knows was replaced by ********: SIP passwords, admin passwords of phones,
passwords in makers' settings and in config.yml. Names, numbers, MAC and IP addresses are in it.

status.json        what runs, counters
diagnostics.json   the fleet in one sentence, problems, findings with evidence and steps
requests.json      the newest requests of phones
devices.json, extensions.json, unknown.json, calls.json, reboots.json, changes.json
free_settings.json settings by site, vendor and model
settings.json      config.yml as it was read
templates/         the site's own templates
pbx.log            the end of the log
system.json        versions of Python and of this machine's system
"""


@router.get(
    "/api/diagnosis-bundle",
    responses={200: {"content": {"application/zip": {}}, "description": "a zip file"}},
)
async def get_bundle(services: Api, actor: Actor) -> Response:
    """Give a zip of everything that helps to find a fault; every secret is masked."""
    row = services.changing.change(actor, "bundle", "support", "read", None, None)
    await services.changing.commit([], [row])
    answers = {name: json.loads(body) for name, body in await _answers(services)}
    body = await asyncio.to_thread(_zipped, services, answers)
    headers = {**HEADERS, "Content-Disposition": 'attachment; filename="offhook-support.zip"'}
    return Response(body, 200, headers, "application/zip")


async def _answers(services: Services) -> list[tuple[str, bytes]]:
    """Ask our own API: a bundle tells nothing that it does not tell."""
    page = Page(limit=PAGE_MAX, offset=0)
    search = SearchPage(limit=PAGE_MAX, offset=0, q="")
    extension_page = extensions.ExtensionPage(limit=PAGE_MAX, offset=0)
    asked = (
        ("status", status.get_status(services)),
        (
            "diagnostics",
            diagnostics.get_diagnostics(services, diagnostics.DiagnosticsQuery(mac="")),
        ),
        ("requests", requests.list_requests(services, requests.RequestQuery(limit=PAGE_MAX))),
        ("devices", devices.list_devices(services, search)),
        ("extensions", extensions.list_extensions(services, extension_page)),
        ("unknown", unknown.list_unknown(services, page)),
        ("calls", calls.list_calls(services, page)),
        ("reboots", reboots.list_reboots(services, reboots.RebootQuery(limit=PAGE_MAX))),
        ("changes", changes.list_changes(services, changes.ChangeQuery(limit=PAGE_MAX))),
        ("free_settings", settings.get_all_settings(services)),
    )
    return [(name, bytes((await answer).body)) for name, answer in asked]


def _zipped(services: Services, answers: Mapping[str, Any]) -> bytes:
    config = services.settings
    secrets = [*known_secrets(services.state), *_of_config(config.model_dump())]
    scrub = Scrubber.of(secrets)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        at = services.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        bundle.writestr("README.txt", _README.format(version=services.version, at=at))
        for name, data in answers.items():
            bundle.writestr(f"{name}.json", json.dumps(scrub.data(data), indent=2))
        shown = scrub.data(json.loads(config.model_dump_json()))
        bundle.writestr("settings.json", json.dumps(shown, indent=2))
        bundle.writestr("system.json", json.dumps(_system(services), indent=2))
        bundle.writestr("pbx.log", scrub.text(_end_of(config.logging.file)))
        for name, text in _site_templates(config):
            bundle.writestr(f"templates/{name}", scrub.text(text))
    return packed.getvalue()


def _of_config(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _of_config(item)


def _system(services: Services) -> dict[str, str]:
    return {
        "offhook": services.version,
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
    }


def _end_of(path: Path) -> str:
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - LOG_BYTES))
            return log.read().decode("utf-8", "replace")
    except OSError as error:
        return f"the log cannot be read: {error.strerror}\n"


def _site_templates(config: Settings) -> Iterator[tuple[str, str]]:
    folder = config.provisioning.templates
    for path in sorted(folder.rglob("*.j2")) if folder.is_dir() else ():
        yield path.relative_to(folder).as_posix(), path.read_text("utf-8", "replace")
