"""What the answer to a phone rests on: while all of it stands, equal requests get equal answers."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.core.model import Attempt, Device, Extension


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """A device's file as it was given, and why.

    `device` and `extension` are the very objects of the picture in memory: a change puts others in
    their place. `owner` and `rule` name the file in the cache. `attempt` is the record of the
    answer, which those of equal requests refer to.
    """

    device: Device
    extension: Extension | None
    owner: str
    rule: str
    attempt: Attempt


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
        attempt=attempt,
    )
