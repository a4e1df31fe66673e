"""The API: a file per resource; here they are put together."""

from __future__ import annotations

from fastapi import FastAPI

from offhook.web.api import (
    admins,
    bulk,
    bundle,
    calls,
    changes,
    device_files,
    devices,
    diagnosis,
    diagnostics,
    directory,
    docs,
    extensions,
    phone_tables,
    phones,
    preview,
    probes,
    reboots,
    requests,
    settings,
    status,
    timeline,
    tokens,
    unknown,
    vendors,
)
from offhook.web.api.answers import ERRORS
from offhook.web.api.failures import add_handlers
from offhook.web.ports import Services

_ABOUT = (
    "Everything Offhook knows and does. On the PBX itself no token is needed; from elsewhere send "
    "“Authorization: Bearer <token>”, made on the PBX by “offhook token create NAME”. Times are "
    "UTC, ISO 8601. Errors are {error: {code, message, hint}}."
)


def create_api(services: Services) -> FastAPI:
    """Build the API. Who may call is decided before it."""
    api = FastAPI(
        title="Offhook API",
        version=services.version,
        description=_ABOUT,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ERRORS,
    )
    api.state.services = services
    add_handlers(api)
    for resource in (
        status,
        bulk,
        extensions,
        phone_tables,
        devices,
        device_files,
        timeline,
        vendors,
        diagnostics,
        bundle,
        diagnosis,
        probes,
        requests,
        unknown,
        settings,
        phones,
        preview,
        calls,
        reboots,
        changes,
        directory,
        tokens,
        admins,
        docs,
    ):
        api.include_router(resource.router)
    return api
