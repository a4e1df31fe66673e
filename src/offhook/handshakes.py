"""Why a TLS handshake failed, in words a person can act on, and how often that is told."""

from __future__ import annotations

import ssl

TOLD_EVERY_S = 60.0
_CAPACITY = 4096

LEFT = "it left in the middle of the handshake; it may not trust our certificate"

# OpenSSL's names for what goes wrong, and what a person can do about it.
_OLD = "it offers no TLS version from 1.2 on: renew its firmware, {}"
_UNTRUSTED = "it does not trust our certificate ({}): load the CA into it, or mend the certificate"
_PLAIN = "what it sends is not TLS: it is set to plain {plain} on the TLS port"
_REASONS = {
    "UNSUPPORTED_PROTOCOL": _OLD,
    "VERSION_TOO_LOW": _OLD,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD,
    "NO_SHARED_CIPHER": "it has no cipher in common with us: renew its firmware, {}",
    "TLSV1_ALERT_UNKNOWN_CA": _UNTRUSTED.format("alert unknown CA"),
    "SSLV3_ALERT_BAD_CERTIFICATE": _UNTRUSTED.format("alert bad certificate"),
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _UNTRUSTED.format("alert certificate unknown"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": _UNTRUSTED.format("alert certificate expired"),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": _UNTRUSTED.format("alert unsupported certificate"),
    "WRONG_VERSION_NUMBER": _PLAIN,
    "HTTP_REQUEST": _PLAIN,
    "UNKNOWN_PROTOCOL": _PLAIN,
}


def explain_tls(error: ssl.SSLError, plain: str = "TCP", or_else: str = "") -> str:
    """Say why a handshake failed. `plain` is what runs without TLS; `or_else` another way out."""
    reason = error.reason or "no reason given"
    known = _REASONS.get(reason)
    if known is None:
        return reason.lower().replace("_", " ")
    return known.format(or_else or f"or let it use {plain}", plain=plain)


class OncePerMinute:
    """Lets each key pass once a minute; remembers at most 4096 keys, the oldest is forgotten."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def is_due(self, key: str, now: float) -> bool:
        """Say whether the key may pass now, and start its minute."""
        if self._until.get(key, float("-inf")) > now:
            return False
        self._until.pop(key, None)
        self._until[key] = now + TOLD_EVERY_S
        if len(self._until) > _CAPACITY:
            del self._until[next(iter(self._until))]
        return True
