"""What a phone registers and calls with, and how it answers a challenge."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from offhook.sip.digest import answer_challenge
from offhook.sip.message import Response
from offhook.sip.uri import join_host_port

CHALLENGES = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SipAccount:
    """What a phone registers with, and how it calls itself."""

    server: str
    port: int
    extension: str
    auth_name: str
    secret: str
    user_agent: str
    headers: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        """The registrar as it is written into URIs."""
        return join_host_port(self.server, self.port)

    def credentials(self, response: Response, method: str, uri: str) -> tuple[str, str] | None:
        """Answer a challenge: the header's name and value, None when it cannot be answered."""
        was, answer_name = CHALLENGES[response.status]
        value = answer_challenge(
            response.headers.all(was),
            username=self.auth_name,
            secret=self.secret,
            method=method,
            uri=uri,
            cnonce=secrets.token_hex(8),
        )
        return (answer_name, value) if value else None
