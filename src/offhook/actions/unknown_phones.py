"""Unknown phones: the list of who asked without being registered, and forgetting one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from offhook.actions.changing import Changing
from offhook.actions.ports import Journal
from offhook.core.events import Changed, Event
from offhook.core.mac import Mac, parse_mac
from offhook.core.model import UnknownPhone
from offhook.errors import BadRequestError

IGNORED_FOR = timedelta(days=1)
NOUN, IGNORED, FORGOTTEN = "unknown phone", "ignored", "forgotten"


@dataclass(slots=True)
class UnknownPhones:
    """The verbs of the list; a phone comes back when it asks again.

    Until when people do not want to see some is not kept over a restart.
    """

    changing: Changing
    journal: Journal
    _ignored: dict[Mac, datetime] = field(default_factory=dict)

    def list_phones(self) -> list[UnknownPhone]:
        """Give all, the one seen last first."""
        return list(reversed(self.changing.state.unknown.values()))

    def ignored(self) -> dict[Mac, datetime]:
        """Give those on the list that are ignored now, and until when."""
        now, listed = self.changing.now(), self.changing.state.unknown
        self._ignored = {
            mac: until for mac, until in self._ignored.items() if until > now and mac in listed
        }
        return dict(self._ignored)

    def on_event(self, event: Event) -> None:
        """Do as was done at another node: take one off the list, or leave it out of sight."""
        if not isinstance(event, Changed) or event.change.noun != NOUN:
            return
        mac = parse_mac(event.change.subject)
        if mac is not None and event.change.action == FORGOTTEN:
            self.changing.state.unknown.pop(mac, None)
        elif mac is not None and event.change.action == IGNORED:
            self._ignored[mac] = event.change.at + IGNORED_FOR

    def notice(self, mac: Mac) -> None:
        """Show an ignored one again."""
        self._ignored.pop(mac, None)

    async def ignore(self, actor: str, mac: Mac) -> datetime:
        """Leave one out of sight for a day; it is refused as before. 404 when it is not listed."""
        async with self.changing.state.lock:
            phone = self._listed(mac)
            row = self.changing.change(
                actor, NOUN, mac.plain, IGNORED, None, {"address": phone.address}
            )
            await self.changing.commit([], [row])
            self._ignored[mac] = until = self.changing.now() + IGNORED_FOR
        return until

    async def forget(self, actor: str, mac: Mac) -> None:
        """Take one off the list. 404 when it is not on it."""
        async with self.changing.state.lock:
            phone = self._listed(mac)
            row = self.changing.change(
                actor, NOUN, mac.plain, FORGOTTEN, {"address": phone.address}, None
            )
            await self.changing.commit([], [row])
            self.changing.state.unknown.pop(mac, None)
            self.journal.forget_unknown(mac)

    def _listed(self, mac: Mac) -> UnknownPhone:
        phone = self.changing.state.unknown.get(mac)
        if phone is None:
            raise BadRequestError(
                "unknown_phone",
                f"phone {mac.colons} is not on the list of unknown phones",
                "GET /api/provisioning/unknown shows the list",
                status=404,
            )
        return phone
