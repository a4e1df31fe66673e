"""The TLS ports of this server: what they are called, and the settings of their files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPort:
    """A TLS port by its name; `what` is what runs over it. The files are named by their keys."""

    name: str
    what: str
    certificate: str
    key: str


SIP_TLS = TlsPort(
    name="SIP over TLS", what="SIP", certificate="sip.tls_certificate", key="sip.tls_key"
)
HTTPS = TlsPort(
    name="HTTPS", what="HTTPS", certificate="server.tls_certificate", key="server.tls_key"
)
