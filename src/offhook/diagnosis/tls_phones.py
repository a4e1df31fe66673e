"""Whom a fault of the certificate concerns."""

from __future__ import annotations

from collections.abc import Iterator

from offhook.diagnosis.facts import Facts

SERVER = "sip.tls_certificate"


def concerned(facts: Facts) -> Iterator[str]:
    """Name the phones that are told to use TLS and are not registered; the server without any."""
    if not facts.devices:
        yield SERVER
    for mac in facts.devices:
        account = facts.sip.accounts.get(mac)
        if account and account.transport == "tls" and not facts.device_registrations.get(mac):
            yield mac.colons
