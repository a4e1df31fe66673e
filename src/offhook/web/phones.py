"""Files for phones: everything under `/provision`, without a framework in between."""

from __future__ import annotations

import logging
import re
import secrets
from dataclasses import dataclass, replace
from urllib.parse import unquote_to_bytes

from offhook.actions.basis import Basis
from offhook.actions.phone_answer import Answer
from offhook.actions.phones import UPLOAD_MAX_BYTES, Phones
from offhook.actions.ports import Clock
from offhook.core.model import PhoneRequest
from offhook.web.answer import TEXT, Fields, answer_fields, send_fields
from offhook.web.body import Body, GoneError, Receive, Send, read_body
from offhook.web.peer import Scope, address_of, header_of, is_this_host, name_of_host

PREFIX = b"/provision"
PATH_MAX = 1024
QUERY_MAX = 1024
AGENT_MAX = 1024
TEST_HEADER = b"x-offhook-test"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_READING = ("GET", "HEAD")
_METHODS = (*_READING, "PUT", "POST")
_NO_BODY = Body(data=b"", is_complete=True)
_CLOSE = (b"connection", b"close")
_log = logging.getLogger("offhook.web.phones")


class UnusablePathError(ValueError):
    """A path that no file can have; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def is_phone_path(raw_path: bytes) -> bool:
    """True for `/provision` and what is below, however many slashes a typed URL begins with."""
    path = b"/" + raw_path.lstrip(b"/")
    return path == PREFIX or path.startswith(PREFIX + b"/")


def decode_path(raw: bytes) -> str:
    """Decode percent escapes once; what is not UTF-8 is read as Latin-1, as old phones write it."""
    decoded = unquote_to_bytes(raw)
    try:
        return decoded.decode("utf-8")
    except UnicodeDecodeError:
        return decoded.decode("latin-1")


def read_path(raw_path: bytes, query: bytes) -> str:
    """Give the path after the prefix. Raises UnusablePathError."""
    if len(raw_path) > PATH_MAX or len(query) > QUERY_MAX:
        raise UnusablePathError(414, "the address is too long")
    path = decode_path(raw_path.lstrip(b"/")[len(PREFIX) - 1 :])
    if _CONTROL.search(path):
        raise UnusablePathError(400, "the path has a control character")
    return path.lstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it is sent; `basis` as in `Answer`."""

    status: int
    fields: Fields
    body: bytes
    basis: Basis | None = None


class PhoneApp:
    """Answers phones over HTTP. A phone gets a file or one short text, never a traceback."""

    def __init__(self, phones: Phones, now: Clock) -> None:
        self._phones = phones
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        reply: Reply | None
        if scope["method"] not in _METHODS:
            allow = (b"allow", ", ".join(_METHODS).encode())
            reply = _refusal(405, "phones GET, HEAD, PUT or POST", allow)
        else:
            request = self._readable(scope)
            if isinstance(request, PhoneRequest):
                reply = await self._waited(scope, receive, request)
            else:
                reply = request
        if reply is not None:
            await send_fields(send, reply.status, reply.fields, reply.body)

    def read(self, scope: Scope) -> Reply | None:
        """Answer a GET or HEAD; None, and nothing recorded, when that needs to be waited for."""
        request = self._readable(scope)
        if isinstance(request, Reply):
            return request
        try:
            answer = self._phones.answer_at_once(
                request,
                if_none_match=header_of(scope, b"if-none-match"),
                is_local=is_this_host(scope),
            )
        except Exception:  # what it could not make a refusal of
            return _failed(request)
        return None if answer is None else _reply(answer, request)

    async def _waited(self, scope: Scope, receive: Receive, request: PhoneRequest) -> Reply | None:
        """Answer any request; None for a phone that is gone."""
        try:
            body = await _body(scope, receive)
        except GoneError:
            return None
        if body.is_late:
            return _refusal(408, "the upload took too long", _CLOSE)
        try:
            answer = await self._phones.answer(
                request,
                body=body.data,
                if_none_match=header_of(scope, b"if-none-match"),
                is_local=is_this_host(scope),
            )
        except Exception:  # what it could not make a refusal of
            return _failed(request)
        return _reply(answer, request, is_whole=body.is_complete)

    def _readable(self, scope: Scope) -> PhoneRequest | Reply:
        """Give the request, or the answer when no file can have its path."""
        try:
            path = read_path(scope["raw_path"], scope["query_string"])
        except UnusablePathError as error:
            request = self._request(scope, "")
            answer = self._phones.turn_away(request, error.status, str(error))
            return _reply(answer, request, is_whole=request.method == "HEAD")
        return self._request(scope, path)

    def _request(self, scope: Scope, path: str) -> PhoneRequest:
        query: bytes = scope["query_string"] if path else b""
        return PhoneRequest(
            request_id=secrets.token_hex(6),
            transport=scope["scheme"],
            method=scope["method"],
            path=path,
            query=query.decode("latin-1"),
            address=address_of(scope),
            user_agent=_agent(header_of(scope, b"user-agent")),
            at=self._now(),
            is_test=header_of(scope, TEST_HEADER) == "1",
            host=name_of_host(header_of(scope, b"host")),
            has_credentials=bool(header_of(scope, b"authorization")),
        )


async def _body(scope: Scope, receive: Receive) -> Body:
    """Read an upload; one byte too many tells that it is too large."""
    if scope["method"] in _READING:
        return _NO_BODY
    return await read_body(receive, UPLOAD_MAX_BYTES)


def _reply(answer: Answer, request: PhoneRequest, *, is_whole: bool = True) -> Reply:
    is_bodiless = request.method == "HEAD"
    return Reply(
        status=answer.status,
        fields=_fields(answer, is_bodiless=is_bodiless, is_whole=is_whole),
        body=b"" if is_bodiless or answer.status == 304 else answer.body,
        basis=answer.basis,
    )


def _fields(answer: Answer, *, is_bodiless: bool, is_whole: bool) -> list[tuple[bytes, bytes]]:
    headers = [(b"cache-control", b"no-cache")]
    if answer.etag:
        headers.append((b"etag", answer.etag.encode()))
    if answer.retry_after_s:
        headers.append((b"retry-after", str(answer.retry_after_s).encode()))
    if not is_whole:
        # What is left of the upload would be read as the next request.
        headers.append(_CLOSE)
    length = len(answer.body)
    if is_bodiless and answer.status == 200 and not answer.body:
        length = answer.attempt.size_bytes
    return answer_fields(answer.status, length, answer.content_type, headers)


def _failed(request: PhoneRequest) -> Reply:
    _log.exception("request %s of %s failed", request.request_id, request.path)
    reply = _refusal(500, f"internal error, request {request.request_id}")
    return replace(reply, body=b"") if request.method == "HEAD" else reply


def _refusal(status: int, text: str, *headers: tuple[bytes, bytes]) -> Reply:
    body = f"{text}\n".encode()
    return Reply(status=status, fields=answer_fields(status, len(body), TEXT, headers), body=body)


def _agent(text: str) -> str:
    """A header is Latin-1 on the wire (RFC 9110 §5.5), yet some phones send UTF-8."""
    short = text[:AGENT_MAX]
    try:
        return short.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return short
