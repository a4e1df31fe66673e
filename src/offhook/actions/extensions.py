"""Extensions: add, change, delete."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from offhook.actions.changing import Changes, Changing, checked, new_password
from offhook.actions.links import by_hand
from offhook.actions.ports import DeleteExtension, PutExtension, SipEngine, Write
from offhook.actions.state import overlaid
from offhook.core.check import check_email, check_name, check_number, check_secret
from offhook.core.model import Change, Extension
from offhook.core.secret import Secret
from offhook.errors import BadRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionSpec:
    """An extension as asked for, raw; a secret is made when there is none."""

    number: str
    name: str
    email: str = ""
    secret: str | None = field(default=None, repr=False)


class Extensions:
    """The verbs of extensions; each is one transaction and leaves a Change row."""

    def __init__(self, changing: Changing, engine: SipEngine) -> None:
        self._changing = changing
        self._state = changing.state
        self._files = changing.files
        self._engine = engine

    async def add_extension(
        self, actor: str, *, number: str, name: str, email: str = "", secret: str | None = None
    ) -> Extension:
        """Add an extension; a strong secret is made when none is given. 409 when it exists."""
        spec = ExtensionSpec(number=number, name=name, email=email, secret=secret)
        async with self._state.lock:
            extension = self.built(spec)
            row = self.row(actor, extension)
            await self._changing.commit([PutExtension(extension=extension)], [row])
            # A line may have waited for it (P308): its files can be made now.
            self._files.forget(device.mac for device in self._state.devices_of(extension.number))
        return extension

    def built(self, spec: ExtensionSpec) -> Extension:
        """Check an extension that is to be added; save nothing. 400, 409 when it exists."""
        secret = spec.secret
        extension = Extension(
            number=checked(check_number, spec.number),
            name=checked(check_name, spec.name),
            email=checked(check_email, spec.email.strip()),
            secret=Secret(checked(check_secret, secret) if secret is not None else new_password()),
            created_at=self._changing.now(),
        )
        number = extension.number
        if number in self._state.extensions:
            raise BadRequestError(
                "extension_exists",
                f"extension {number} exists",
                f"change it with PATCH /api/extensions/{number}",
                status=409,
            )
        return extension

    def row(self, actor: str, extension: Extension) -> Change:
        """The Change row of an extension that is added."""
        return self._changing.change(
            actor, "extension", extension.number, "created", None, _shown(extension)
        )

    async def change_extension(
        self,
        actor: str,
        number: str,
        *,
        name: str | None = None,
        email: str | None = None,
        secret: str | None = None,
    ) -> tuple[Extension, Changes]:
        """Change the given fields; phones whose files change are told to fetch again."""
        async with self._state.lock:
            before = self.extension(number)
            after = replace(
                before,
                name=before.name if name is None else checked(check_name, name),
                email=before.email if email is None else checked(check_email, email.strip()),
                secret=before.secret if secret is None else Secret(checked(check_secret, secret)),
            )
            if after == before:
                return before, Changes()
            devices = self._state.devices_of(number)
            if secret is not None:
                for device in devices:
                    self._changing.check_secret_fits(device, after)
            source = overlaid(self._state.source, extensions=[after])
            changed = self._changing.changed(
                devices, {device.mac: device for device in devices}, source
            )
            row = self._changing.change(
                actor, "extension", number, "changed", _shown(before), _shown(after, before)
            )
            writes: list[Write] = [
                PutExtension(extension=after),
                *by_hand(self._state, before, after),
            ]
            await self._changing.commit(writes, [row])
            self._files.forget(changed)
        what = "secret" if secret is not None and before.secret != after.secret else "name"
        reason = f"{what} of extension {number} changed"
        return after, await self._changing.wake(changed, reason=reason, asked_by=actor)

    async def delete_extension(self, actor: str, number: str) -> None:
        """Remove an extension that no device uses; its registrations end. 409 when in use."""
        async with self._state.lock:
            before = self.extension(number)
            devices = self._state.devices_of(number)
            if devices:
                names = ", ".join(device.mac.colons for device in devices[:5])
                raise BadRequestError(
                    "extension_in_use",
                    f"extension {number} is a line of {names}",
                    "delete these devices or give them another extension first",
                    status=409,
                )
            row = self._changing.change(actor, "extension", number, "deleted", _shown(before), None)
            writes: list[Write] = [
                DeleteExtension(number=number),
                *by_hand(self._state, before, None),
            ]
            await self._changing.commit(writes, [row])
        await self._engine.remove(number)

    async def reveal_secret(self, actor: str, number: str) -> Secret:
        """Give the SIP secret; the Change row says who saw it. 404 when unknown."""
        async with self._state.lock:
            secret = self.extension(number).secret
            row = self._changing.change(actor, "extension", number, "secret revealed", None, None)
            await self._changing.commit([], [row])
        return secret

    def extension(self, number: str) -> Extension:
        """One extension. 404 when unknown."""
        found = self._state.extensions.get(number)
        if found is None:
            raise BadRequestError(
                "unknown_extension",
                f"extension {number[:32]} does not exist",
                "list them with GET /api/extensions, add it with POST /api/extensions",
                status=404,
            )
        return found


def _shown(extension: Extension, before: Extension | None = None) -> dict[str, object]:
    """What a Change row keeps of an extension: never its secret, only that it changed."""
    shown: dict[str, object] = {"name": extension.name, "email": extension.email}
    if before is not None and before.secret != extension.secret:
        shown["secret"] = "changed"  # noqa: S105 - says that it changed, not what it is
    return shown
