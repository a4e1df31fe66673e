"""Findings about a certificate: whom they concern, and how far those phones get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from offhook.core.mac import Mac
from offhook.core.tls_ports import HTTPS
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Stage
from offhook.diagnosis.probe_facts import CertificateFact
from offhook.diagnosis.rule import Fault


def found(fault: Fault, facts: Facts, fact: CertificateFact, **values: str) -> Iterator[Finding]:
    """Tell of a certificate's fault. Without HTTPS a phone does not even get its files."""
    service = fact.service
    stage = Stage.CONNECTED if service == HTTPS else fault.stage
    filled: dict[str, Any] = {**values, "service": service.name, "setting": service.certificate}
    for subject in _concerned(facts, fact):
        yield replace(fault.finding(subject, evidence=[fact.line], **filled), stage=stage)


def _concerned(facts: Facts, fact: CertificateFact) -> Iterator[str]:
    """Name the phones that are told to use the port and did not get through; the server without."""
    if not facts.devices:
        yield fact.service.certificate
    is_kept_out = _never_fetched if fact.service == HTTPS else _unregistered
    for mac in facts.devices:
        if is_kept_out(facts, mac):
            yield mac.colons


def _unregistered(facts: Facts, mac: Mac) -> bool:
    account = facts.sip.accounts.get(mac)
    is_told = account is not None and account.transport == "tls"
    return is_told and not facts.device_registrations.get(mac)


def _never_fetched(facts: Facts, mac: Mac) -> bool:
    seen = facts.sightings.get(mac)
    is_told = facts.config.base.lower().startswith("https:")
    return is_told and (seen is None or seen.last_provisioned is None)
