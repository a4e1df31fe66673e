"""Which devices never came for their file."""

from __future__ import annotations

from datetime import timedelta

from offhook.core.model import Device
from offhook.diagnosis.facts import Facts

_PATIENCE = timedelta(minutes=10)


def is_never_asked(facts: Facts, device: Device) -> bool:
    """Say whether a device older than ten minutes was never heard of over HTTP."""
    sighting = facts.sightings.get(device.mac)
    is_seen = sighting is not None and sighting.last_contact is not None
    if is_seen or facts.now - device.created_at <= _PATIENCE:
        return False
    return not any(it.mac == device.mac and not it.is_test for it in facts.attempts)
