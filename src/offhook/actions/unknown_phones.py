"""Unknown phones: the list of who asked without being registered, and forgetting one."""

from __future__ import annotations

from dataclasses import dataclass

from offhook.actions.changing import Changing
from offhook.actions.ports import Journal
from offhook.core.mac import Mac
from offhook.core.model import UnknownPhone
from offhook.errors import BadRequestError


@dataclass(slots=True)
class UnknownPhones:
    """The verbs of the list; a phone comes back when it asks again."""

    changing: Changing
    journal: Journal

    def list_phones(self) -> list[UnknownPhone]:
        """Give all, the one seen last first."""
        return list(reversed(self.changing.state.unknown.values()))

    async def forget(self, actor: str, mac: Mac) -> None:
        """Take one off the list. 404 when it is not on it."""
        async with self.changing.state.lock:
            phone = self.changing.state.unknown.get(mac)
            if phone is None:
                raise BadRequestError(
                    "unknown_phone",
                    f"phone {mac.colons} is not on the list of unknown phones",
                    "GET /api/provisioning/unknown shows the list",
                    status=404,
                )
            row = self.changing.change(
                actor, "unknown phone", mac.plain, "forgotten", {"address": phone.address}, None
            )
            await self.changing.commit([], [row])
            self.changing.state.unknown.pop(mac, None)
            self.journal.forget_unknown(mac)
