"""What the answer to a phone rests on: while all of it stands, equal requests get equal answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from offhook.core.model import Attempt, Device, Extension

_OWN = ("request_id", "at", "address")
_SHARED = tuple(field.name for field in fields(Attempt) if field.name not in _OWN)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """A device's file as it was given, and why.

    `device` and `extension` are the very objects of the picture in memory: a change puts others in
    their place. `owner` and `rule` name the file in the cache, `digest` tells its content.
    `shared` are the fields of the Attempt that are the same for an equal request.
    """

    device: Device
    extension: Extension | None
    owner: str
    rule: str
    digest: str
    shared: Mapping[str, Any]

    def attempt(self, request_id: str, at: datetime, address: str) -> Attempt:
        """Give the record of one more equal request."""
        return Attempt(request_id=request_id, at=at, address=address, **self.shared)


def basis_of(
    attempt: Attempt, device: Device, extension: Extension | None, rule: str
) -> Basis | None:
    """Take down what an answer rests on; None when it has more to tell than the file itself."""
    if attempt.notices or attempt.is_test or not attempt.is_device_file:
        return None
    return Basis(
        device=device,
        extension=extension,
        owner=device.mac.plain,
        rule=rule,
        digest=attempt.digest,
        shared={name: getattr(attempt, name) for name in _SHARED},
    )
