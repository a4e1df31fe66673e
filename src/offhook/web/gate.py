"""The gate of the API: who calls, how large, and what a failure inside looks like."""

from __future__ import annotations

import logging
import secrets
from typing import Any

from offhook.errors import StoreError
from offhook.web.access import Access, Denied
from offhook.web.answer import JSON, answer_fields, error_bytes, send_answer
from offhook.web.api import create_api
from offhook.web.api.context import ACTOR, REQUEST_ID
from offhook.web.api.direct import DIRECT, Direct
from offhook.web.api.failures import FAILED, store_failed
from offhook.web.body import GoneError, Message, Receive, Send, read_body
from offhook.web.peer import Scope
from offhook.web.phones import Reply
from offhook.web.ports import Services

API_BODY_MAX = 1_000_000

_NO_STORE = (b"cache-control", b"no-store")
_CLOSE = (b"connection", b"close")
_log = logging.getLogger("offhook.web")


class ApiGate:
    """Stands before the API."""

    def __init__(self, services: Services, access: Access) -> None:
        self._access = access
        self._api = create_api(services)
        self._direct = Direct(services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        actor = await self._actor_of(scope)
        if isinstance(actor, Denied):
            # The body was not read; what is left of it would be taken for the next request.
            await _send_denied(send, actor, _CLOSE)
            return
        try:
            body = await read_body(receive, API_BODY_MAX)
        except GoneError:
            return
        if not body.is_complete:
            await _send_denied(send, _too_slow() if body.is_late else _too_large(), _CLOSE)
            return
        await self._run(_prepared(scope, actor, body.data), body.data, receive, send)

    async def _actor_of(self, scope: Scope) -> str | Denied:
        try:
            return await self._access.actor_of(scope)
        except StoreError as error:
            return store_failed(error)

    async def _run(self, scope: dict[str, Any], body: bytes, receive: Receive, send: Send) -> None:
        answer = None
        if scope["method"] == "POST" and not scope["query_string"]:
            answer = await self._direct.answer(scope, scope["path"], body)
        if answer is not None:
            await answer(scope, receive, send)
            return
        try:
            await self._api(scope, _replay(body, receive), send)
        except Exception:  # answered already, by the API's own handler
            _log.exception(FAILED, scope[REQUEST_ID], scope["path"])

    def takes(self, path: bytes) -> bool:
        """Say whether `call` may answer a POST to this path."""
        return path.decode() in DIRECT

    async def call(self, scope: Scope, body: bytes) -> Reply | None:
        """Answer a plain POST that came whole, without the framework and its server.

        None, with nothing done, when it has to go the usual way.
        """
        actor = await self._actor_of(scope)
        if isinstance(actor, Denied):
            denied = error_bytes(actor.code, actor.message, actor.hint)
            more = [_NO_STORE, *actor.headers, _CLOSE]
            fields = answer_fields(actor.status, len(denied), JSON, more)
            return Reply(status=actor.status, fields=fields, body=denied)
        noted = {ACTOR: actor, REQUEST_ID: _new_id()}
        found = await self._direct.answer(noted, scope["raw_path"].decode(), body)
        if found is None:
            return None
        return Reply(status=found.status_code, fields=found.raw_headers, body=bytes(found.body))


def _new_id() -> str:
    return secrets.token_hex(6)


def _prepared(scope: Scope, actor: str, body: bytes) -> dict[str, Any]:
    """Note the actor, and take any body as JSON: curl without -H calls it a form.

    That a browser can send such a body without asking first does no harm: pages of other sites
    were refused, and a token is never sent by a browser of itself.
    """
    headers = [item for item in scope["headers"] if item[0] != b"content-type"]
    if body:
        headers.append((b"content-type", b"application/json"))
    return {**scope, "headers": headers, ACTOR: actor, REQUEST_ID: _new_id()}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read already, then whatever comes after it."""
    is_given = False

    async def replayed() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _send_denied(send: Send, denied: Denied, *headers: tuple[bytes, bytes]) -> None:
    body = error_bytes(denied.code, denied.message, denied.hint)
    await send_answer(send, denied.status, body, JSON, [_NO_STORE, *denied.headers, *headers])


def _too_large() -> Denied:
    return Denied(
        status=413,
        code="body_too_large",
        message=f"the body is larger than {API_BODY_MAX} bytes",
        hint="send it in smaller parts",
    )


def _too_slow() -> Denied:
    return Denied(
        status=408,
        code="body_too_slow",
        message="the body did not arrive in time",
        hint="try again",
    )
