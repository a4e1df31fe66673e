"""Talk to a running PBX over HTTP: one call, one answer, no library needed."""

from __future__ import annotations

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT_S = 10.0
MAX_BYTES = 64 * 1024 * 1024
USER_AGENT = "offhook-troubleshoot/1"
_HOST = re.compile(r"[^\s/?#@\[\]<>\"'\\^`{|}\x00-\x20\x7f]+")


class UnreachableError(Exception):
    """No HTTP answer came: nobody listens, the way is blocked, or it is no HTTP server."""


class UnusableUrlError(ValueError):
    """The address typed is no http:// URL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer with any status; `data` is the JSON of its body, None when it is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    data: Any = None

    @property
    def is_ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300

    @property
    def error(self) -> tuple[str, str, str]:
        """Code, message and hint of a refusal, whoever worded it."""
        if isinstance(self.data, dict) and isinstance(self.data.get("error"), dict):
            found = self.data["error"]
            return tuple(str(found.get(key) or "") for key in ("code", "message", "hint"))  # type: ignore[return-value]  # three keys
        first = self.body[:200].decode("utf-8", "replace").strip().partition("\n")[0]
        reason = http.client.responses.get(self.status, "")
        return str(self.status), f"HTTP {self.status} {reason}: {first}".rstrip(": "), ""


class _SameServer(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token must not travel to another server."""

    def redirect_request(self, *_: object) -> None:
        """Give none; the 3xx itself becomes the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The HTTP side of a PBX at `url`, such as `http://127.0.0.1:8080`."""

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = TIMEOUT_S
    user_agent: str = USER_AGENT

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Make one call. Raises UnreachableError; every HTTP status is an answer."""
        asked = {key: value for key, value in (query or {}).items() if value not in (None, "")}
        url = self.url + path + (f"?{urlencode(asked)}" if asked else "")
        sent = {"User-Agent": self.user_agent, "Accept": "*/*", **(headers or {})}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        request = urllib.request.Request(url, content, sent, method=method)  # noqa: S310 - checked by `base_url`
        return self._send(request)

    def _send(self, request: urllib.request.Request) -> Reply:
        # No proxy: the PBX is on the user's own network, and a token must not pass through one.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _SameServer())
        try:
            try:
                answer = opener.open(request, timeout=self.timeout_s)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                content = answer.read(MAX_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise UnreachableError(_reason(error)) from None
        return Reply(
            status=answer.status,
            headers={key.lower(): value for key, value in answer.headers.items()},
            body=content,
            data=_json(content),
        )


def base_url(text: str) -> str:
    """Give `http://host:port` of what a person typed. Raises UnusableUrlError."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UnusableUrlError(f"{text!r} is no URL: {error}") from None
    is_host = _HOST.fullmatch(parts.hostname or "")
    if parts.scheme not in ("http", "https") or not is_host:
        raise UnusableUrlError(f"{text!r} is no URL; write http://192.168.1.14:8080")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def host_url(host: str, port: int) -> str:
    """Give the URL of a host, IPv6 in brackets. Raises UnusableUrlError."""
    return base_url(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


def segment(text: str) -> str:
    """Quote one piece of a path."""
    return quote(text, safe="")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, TimeoutError):
        return "no answer in time"
    if isinstance(inner, ConnectionRefusedError):
        return "connection refused: nobody listens there"
    if isinstance(inner, http.client.HTTPException):
        return f"what answers there is no HTTP server ({type(inner).__name__})"
    return str(getattr(inner, "strerror", None) or inner)
