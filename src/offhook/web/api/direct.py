"""The calls that scripts make by thousands, straight to their functions.

Finding the resource, solving dependencies and the layers around cost more than adding an extension
does. Whatever is not the plain case, a query or a body that does not fit, goes the usual way, which
also words every refusal of a field; `tests/integration/test_api_direct.py` compares the two.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Response
from pydantic import ValidationError

from offhook.errors import BadRequestError, StoreError
from offhook.web.api.context import ACTOR, REQUEST_ID
from offhook.web.api.devices import NewDevice, put_device
from offhook.web.api.extensions import NewExtension, add_extension
from offhook.web.api.failures import FAILED, defect, refused, store_refused
from offhook.web.api.fields import Fields
from offhook.web.api.preview import PreviewQuery
from offhook.web.ports import Services

_Call = tuple[type[Fields], Callable[..., Awaitable[Response]]]

DIRECT: Mapping[str, _Call] = {
    "/api/extensions": (NewExtension, add_extension),
    "/api/provisioning/devices": (NewDevice, put_device),
}
"""By path, what answers a POST without a query."""

_NO_PREVIEW = PreviewQuery()
_log = logging.getLogger("offhook.web")


class Direct:
    """Answers the plain calls among them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def answer(self, noted: Mapping[str, Any], path: str, body: bytes) -> Response | None:
        """Answer a POST; None when it has to go the usual way, with nothing done.

        `noted` has who calls, and the id of the call.
        """
        call = DIRECT.get(path)
        if call is None:
            return None
        kind, function = call
        fields = read_fields(kind, body)
        if fields is None:
            return None
        try:
            return await function(self._services, noted[ACTOR], fields, _NO_PREVIEW)
        except BadRequestError as error:
            return refused(error)
        except StoreError as error:
            return store_refused(error)
        except Exception:
            _log.exception(FAILED, noted[REQUEST_ID], path)
            return defect(noted)


def read_fields(kind: type[Fields], body: bytes) -> Fields | None:
    """Read a body as the framework would; None for one that it refuses."""
    try:
        data = json.loads(body)
        return kind.model_validate(data) if isinstance(data, dict) else None
    except (ValueError, RecursionError, ValidationError):
        return None
