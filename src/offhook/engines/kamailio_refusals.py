"""Registrations that Kamailio refused, told once a minute for each source and name."""

from __future__ import annotations

from offhook.actions.ports import Clock, Publish
from offhook.core.events import RegistrationRefused
from offhook.engines.kamailio_events import EventFields
from offhook.engines.kamailio_location import mac_of_event
from offhook.engines.phones import shown
from offhook.handshakes import OncePerMinute

_REASONS = frozenset({"wrong_digest", "unknown_user", "wrong_user"})


class Refusals:
    """Publishes `RegistrationRefused` for the events `auth-failed` of a REGISTER."""

    def __init__(self, publish: Publish, now: Clock) -> None:
        self._publish = publish
        self._now = now
        self._told = OncePerMinute()

    def on_event(self, event: EventFields) -> None:
        """Tell one refusal; its texts are a stranger's."""
        reason = str(event.get("reason"))
        if event.get("method") != "REGISTER" or reason not in _REASONS:
            return
        at = self._now()
        claimed, source = _shown(event, "user"), _shown(event, "source").lower()
        host = source.partition(":")[2].rpartition(":")[0]
        if not self._told.is_due(f"{host}|{claimed}", at.timestamp()):
            return
        self._publish(
            RegistrationRefused(
                extension=_shown(event, "aor"),
                claimed=claimed,
                source=source,
                user_agent=_shown(event, "user_agent"),
                mac=mac_of_event(event),
                reason=reason,
                at=at,
            )
        )


def _shown(event: EventFields, name: str) -> str:
    value = event.get(name)
    return shown(value) if isinstance(value, str) else ""
