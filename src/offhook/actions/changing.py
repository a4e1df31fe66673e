"""The common way of every change: try the files, commit, wake exactly the phones concerned."""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from offhook.actions.files import Files, Made, digests, make
from offhook.actions.ports import Clock, Publish, Write
from offhook.actions.reboots import Reboots
from offhook.actions.state import State
from offhook.core.check import FieldError
from offhook.core.events import Changed
from offhook.core.inventory import FileSource
from offhook.core.mac import Mac
from offhook.core.model import Change, Device, Extension, Reboot, RebootStep
from offhook.core.vendor import Model, VendorProfile
from offhook.diagnosis.facts import RenderFault
from offhook.diagnosis.rules import fault
from offhook.errors import BadRequestError

GENERATED_SECRET_LENGTH = 24
SENT_WAIT_S = 2.0
SOON_S = 0.25
"""Backlog of orders up to which an answer waits until its own have left."""

_WOKEN_A_TURN = 20
_SLICE_S = 0.002
_KINDS = tuple(map(frozenset, (string.ascii_lowercase, string.ascii_uppercase, string.digits)))
_ALPHABET = (string.ascii_letters + string.digits).encode()
# Random bytes become characters; those left over would make some characters likelier than others.
_LEFT_OVER = bytes(range(256 - 256 % len(_ALPHABET), 256))
_CHARACTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))


def new_password(length: int = GENERATED_SECRET_LENGTH) -> str:
    """Make a random password of letters and digits: no phone, file or URL mistakes one of them.

    It has upper case, lower case and digits: newer phones refuse an administrator password without.
    """
    while True:
        drawn = secrets.token_bytes(2 * length).translate(_CHARACTERS, _LEFT_OVER)
        text = drawn[:length].decode()
        if len(text) == length and not any(kind.isdisjoint(text) for kind in _KINDS):
            return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a change did: the reboots it began, and changed devices that are not registered.

    `later` counts those that are told when all nodes have new templates.
    """

    reboots: tuple[Reboot, ...] = ()
    pending: tuple[Mac, ...] = ()
    later: int = 0
    is_new: bool = False

    @property
    def told(self) -> str:
        """Say how many phones were told, and how many wait for their next boot."""
        if self.later:
            return f"{self.later} to be told to fetch again when all nodes have the same"
        count = len(self.reboots)
        told = f"{count} {'phone' if count == 1 else 'phones'} told to fetch again"
        return f"{told}, {len(self.pending)} to fetch at next boot"

    @property
    def is_reboot_triggered(self) -> bool:
        """True when a NOTIFY has left for a live registration."""
        return any(RebootStep.NOTIFIED in item.steps for item in self.reboots)


class Changing:
    """What the verbs of extensions, devices and settings share."""

    def __init__(
        self, *, state: State, files: Files, reboots: Reboots, publish: Publish, now: Clock
    ) -> None:
        self.state = state
        self.files = files
        self.now = now
        self._reboots = reboots
        self._publish = publish
        self.on_converged: Callable[[int], None] | None = None

    def vendor(self, name: str) -> VendorProfile:
        """A maker by name, any case. 400 with the known ones otherwise."""
        profiles = self.state.source.profiles
        found = profiles.get(name.strip().lower())
        if found is None:
            finding = fault("P306").finding("", vendor=name[:40], known=", ".join(sorted(profiles)))
            raise BadRequestError(finding.code, finding.message, finding.hint)
        return found

    def model(self, profile: VendorProfile, name: str) -> Model:
        """A maker's model by any spelling. 400 with the known ones otherwise."""
        found = profile.model(name)
        if found is None and profile.tftp_only and profile.tftp_only.search(name):
            finding = fault("P312").finding("", model=f"{profile.label} {name[:40]}")
            raise BadRequestError(finding.code, finding.message, finding.hint)
        if found is None:
            known = ", ".join(item.name for item in profile.models)
            finding = fault("P307").finding("", vendor=profile.name, model=name[:40], known=known)
            raise BadRequestError(finding.code, finding.message, finding.hint)
        return found

    def check_secret_fits(self, device: Device, extension: Extension) -> None:
        """Refuse a secret that is longer than the device's model keeps."""
        profile = self.state.source.profiles.get(device.vendor)
        model = profile.model(device.model) if profile else None
        length = len(extension.secret.reveal())
        if model is not None and length > model.secret_max:
            raise BadRequestError(
                "secret_too_long",
                f"the secret of extension {extension.number} has {length} characters; a "
                f"{model.label} keeps {model.secret_max}",
                f"set a shorter one with PATCH /api/extensions/{extension.number}",
            )

    def changed(
        self,
        after: Sequence[Device],
        before: Mapping[Mac, Device | None],
        source: FileSource,
    ) -> list[Mac]:
        """Compare digests before and after. Refuses the change when a file cannot be made.

        A device whose files could not be made before either does not block the change.
        """
        return [
            device.mac
            for device in after
            if self._has_changed(device, before.get(device.mac), digests(source, device))
        ]

    def tried(self, device: Device, before: Device | None) -> tuple[list[Mac], Made]:
        """Do what `changed` does for one device, and give its files as they will be."""
        made = make(self.state.source, device)
        has_changed = self._has_changed(device, before, made.digests)
        return [device.mac] if has_changed else [], made

    def _has_changed(
        self, device: Device, old: Device | None, has: Mapping[str, str] | RenderFault
    ) -> bool:
        had = digests(self.state.source, old) if old is not None else {}
        if isinstance(has, RenderFault) and not isinstance(had, RenderFault):
            raise refused_for(device, has)
        return has != had and not isinstance(has, RenderFault)

    async def compared(
        self,
        after: Sequence[Device],
        before: Mapping[Mac, Device | None],
        source: FileSource,
    ) -> list[Mac]:
        """Do what `changed` does for many, in a thread and in slices: phones are served between.

        Call with the state's lock held, so that nothing changes meanwhile.
        """
        left = iter(after)
        changed: list[Mac] = []

        def has_more() -> bool:
            ends_at = time.perf_counter() + _SLICE_S
            for device in left:
                changed.extend(self.changed([device], before, source))
                if time.perf_counter() > ends_at:
                    return True
            return False

        while await asyncio.to_thread(has_more):
            continue
        return changed

    async def commit(self, writes: Sequence[Write], changes: Sequence[Change]) -> None:
        """Make it durable, then visible, then tell. Raises StoreError with nothing changed."""
        await self.state.commit(writes, changes)
        for change in changes:
            self._publish(Changed(change=change))

    def note_converged(self, count: int) -> None:
        """Tell whoever measures how many phones a change concerned."""
        if self.on_converged is not None:
            self.on_converged(count)

    async def wake(
        self,
        macs: Sequence[Mac],
        *,
        reason: str,
        asked_by: str,
        before: Mapping[Mac, Device | None] = MappingProxyType({}),
    ) -> Changes:
        """Tell the registered ones of these devices to fetch; the others are pending.

        Gives what has become of the orders: PENDING while many others have their turn before.

        `before` are devices as they were: the phones are still registered with those extensions.
        """
        self.note_converged(len(macs))
        is_soon = self._reboots.backlog_s <= SOON_S
        reboots: list[Reboot] = []
        pending = []
        for turn, mac in enumerate(macs, start=1):
            if turn % _WOKEN_A_TURN == 0:
                await asyncio.sleep(0)
            device = self.state.devices.get(mac)
            targets = (
                self._reboots.targets_of(with_lines_of(device, before.get(mac))) if device else []
            )
            if targets:
                reboots += self._reboots.order(
                    targets, reason=reason, asked_by=asked_by, is_automatic=True
                )
            else:
                pending.append(mac)
        if not reboots:
            return Changes(pending=tuple(pending))
        if is_soon:
            reboots = await self._reboots.wait_sent(reboots, SENT_WAIT_S)
        else:  # each is saved and told in its turn: whoever asked need not wait for that
            await self._reboots.saved(SENT_WAIT_S)
        return Changes(reboots=tuple(reboots), pending=tuple(pending))

    def change(
        self,
        actor: str,
        noun: str,
        subject: str,
        action: str,
        before: Mapping[str, object] | None,
        after: Mapping[str, object] | None,
    ) -> Change:
        """A Change row of this moment."""
        return Change(
            at=self.now(),
            actor=actor,
            noun=noun,
            subject=subject,
            action=action,
            before=before,
            after=after,
        )


def refused_for(device: Device, failed: RenderFault) -> BadRequestError:
    """Make the refusal of a change after which a device's files could not be made."""
    return BadRequestError(
        failed.code,
        f"the files of {device.mac.colons} cannot be made: {failed.message}",
        "nothing was changed; correct the value or the template named",
    )


def with_lines_of(device: Device, before: Device | None) -> Device:
    """Give a device with its former lines too: its phone is still registered with those."""
    if before is None or before.mac != device.mac:
        return device
    return replace(device, lines=(*device.lines, *before.lines))


def checked(check: Callable[..., str], value: str, *more: str) -> str:
    """Run a check of `core.check`; its FieldError becomes a 400 that names the field."""
    try:
        return check(value, *more)
    except FieldError as error:
        raise BadRequestError(
            f"bad_{error.field}", str(error), f"send a {error.field} that fits"
        ) from None
