"""The calls that scripts make by thousands, straight to their functions.

Finding the resource, solving dependencies and the layers around cost more than adding an extension
does. Whatever is not the plain case, a query or a body that does not fit, goes the usual way, which
also words every refusal of a field; `tests/integration/test_api_direct.py` compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastapi import Response
from pydantic import ValidationError

from offhook.errors import BadRequestError, StoreError
from offhook.web.api.context import ACTOR
from offhook.web.api.devices import NewDevice, put_device
from offhook.web.api.extensions import NewExtension, add_extension
from offhook.web.api.failures import defect, refused, store_refused
from offhook.web.api.fields import Fields
from offhook.web.api.preview import PreviewQuery
from offhook.web.body import Receive, Send
from offhook.web.ports import Services

_Call = tuple[type[Fields], Callable[..., Awaitable[Response]]]

_CALLS: Mapping[str, _Call] = {
    "/api/extensions": (NewExtension, add_extension),
    "/api/provisioning/devices": (NewDevice, put_device),
}
_NO_PREVIEW = PreviewQuery()


class Direct:
    """Serves the plain calls among them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def served(
        self, scope: Mapping[str, Any], body: bytes, receive: Receive, send: Send
    ) -> bool:
        """Serve a call; False when it has to go the usual way, with nothing done."""
        call = _CALLS.get(scope["path"]) if scope["method"] == "POST" else None
        if call is None or scope["query_string"]:
            return False
        kind, function = call
        fields = read_fields(kind, body)
        if fields is None:
            return False
        try:
            response = await function(self._services, scope[ACTOR], fields, _NO_PREVIEW)
        except BadRequestError as error:
            response = refused(error)
        except StoreError as error:
            response = store_refused(error)
        except Exception:
            await defect(scope)(scope, receive, send)  # type: ignore[arg-type] # a dict, as ever
            raise
        await response(scope, receive, send)  # type: ignore[arg-type] # a dict, as ever
        return True


def read_fields(kind: type[Fields], body: bytes) -> Fields | None:
    """Read a body as the framework would; None for one that it refuses."""
    try:
        data = json.loads(body)
        return kind.model_validate(data) if isinstance(data, dict) else None
    except (ValueError, RecursionError, ValidationError):
        return None
