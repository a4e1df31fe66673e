"""Files for phones: everything under `/provision`, without a framework in between."""

from __future__ import annotations

import logging
import re
import secrets
from urllib.parse import unquote_to_bytes

from offhook.actions.phones import UPLOAD_MAX_BYTES, Answer, Phones
from offhook.actions.ports import Clock
from offhook.core.model import PhoneRequest
from offhook.web.answer import TEXT, answer_fields, send_answer, send_fields
from offhook.web.body import Body, GoneError, Receive, Send, read_body
from offhook.web.front import Front
from offhook.web.peer import Scope, address_of, header_of, is_this_host, name_of_host

PREFIX = b"/provision"
PATH_MAX = 1024
QUERY_MAX = 1024
AGENT_MAX = 1024
TEST_HEADER = b"x-offhook-test"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_METHODS = ("GET", "HEAD", "PUT", "POST")
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


class PhoneApp:
    """Answers phones over HTTP. A phone gets a file or one short text, never a traceback."""

    def __init__(self, phones: Phones, now: Clock, front: Front | None = None) -> None:
        self._phones = phones
        self._now = now
        self._front = front

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["method"] not in _METHODS:
            allow = (b"allow", ", ".join(_METHODS).encode())
            await _refuse(send, 405, "phones GET, HEAD, PUT or POST", allow)
            return
        is_bodiless = scope["method"] == "HEAD"
        try:
            request = self._request(scope, read_path(scope["raw_path"], scope["query_string"]))
        except UnusablePathError as error:
            answer = self._phones.turn_away(self._request(scope, ""), error.status, str(error))
            await _send(send, answer, is_bodiless=is_bodiless, is_whole=is_bodiless)
            return
        try:
            body = await _body(scope, receive)
        except GoneError:
            return
        if body.is_late:
            await _refuse(send, 408, "the upload took too long", _CLOSE)
            return
        await self._answer(scope, send, request, body)

    def _request(self, scope: Scope, path: str) -> PhoneRequest:
        query: bytes = scope["query_string"] if path else b""
        return PhoneRequest(
            request_id=secrets.token_hex(6),
            transport="http",
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

    async def _answer(self, scope: Scope, send: Send, request: PhoneRequest, body: Body) -> None:
        is_bodiless = request.method == "HEAD"
        try:
            answer = await self._phones.answer(
                request,
                body=body.data,
                if_none_match=header_of(scope, b"if-none-match"),
                is_local=is_this_host(scope),
            )
        except Exception:  # what it could not make a refusal of
            _log.exception("request %s of %s failed", request.request_id, request.path)
            await _refuse(
                send, 500, f"internal error, request {request.request_id}", is_bodiless=is_bodiless
            )
        else:
            await _send(send, answer, is_bodiless=is_bodiless, is_whole=body.is_complete)
            if self._front is not None and answer.basis is not None and body.is_complete:
                fields = _fields(answer, is_bodiless=is_bodiless, is_whole=True)
                self._front.keep(scope, answer, fields, has_body=not is_bodiless)


async def _body(scope: Scope, receive: Receive) -> Body:
    """Read an upload; one byte too many tells that it is too large."""
    if scope["method"] in ("GET", "HEAD"):
        return Body(data=b"", is_complete=True)
    return await read_body(receive, UPLOAD_MAX_BYTES)


async def _send(send: Send, answer: Answer, *, is_bodiless: bool, is_whole: bool) -> None:
    body = b"" if is_bodiless or answer.status == 304 else answer.body
    fields = _fields(answer, is_bodiless=is_bodiless, is_whole=is_whole)
    await send_fields(send, answer.status, fields, body)


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


async def _refuse(
    send: Send,
    status: int,
    text: str,
    *headers: tuple[bytes, bytes],
    is_bodiless: bool = False,
) -> None:
    body = f"{text}\n".encode()
    await send_answer(send, status, b"" if is_bodiless else body, TEXT, headers, length=len(body))


def _agent(text: str) -> str:
    """A header is Latin-1 on the wire (RFC 9110 §5.5), yet some phones send UTF-8."""
    short = text[:AGENT_MAX]
    try:
        return short.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return short
