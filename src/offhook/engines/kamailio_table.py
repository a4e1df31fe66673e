"""The registrations of all Kamailio nodes in one table: events and dumps in, what changed out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from offhook.core.model import Registration
from offhook.engines.kamailio_location import Location
from offhook.sip.uri import SipUri, is_same_uri, parse_uri

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A contact that is new, was refreshed, or came with a new Call-ID."""

    registration: Registration
    is_new: bool
    was_rebooted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A contact that ended: `removed` or `expired`."""

    registration: Registration
    reason: str


Effect = Bound | Gone


class LocationTable:
    """What is registered, by extension and contact.

    An event tells more than a dump that was asked for before it: keys that events touch while a
    dump is on its way are left as they are.
    """

    def __init__(self) -> None:
        self._by_extension: dict[str, dict[str, Location]] = {}
        self._watchers: list[set[Key]] = []

    def __len__(self) -> int:
        return sum(map(len, self._by_extension.values()))

    def all(self) -> Iterator[Location]:
        """Every contact."""
        for contacts in self._by_extension.values():
            yield from contacts.values()

    def of(self, extension: str) -> tuple[Location, ...]:
        """The contacts of an extension."""
        return tuple(self._by_extension.get(extension, {}).values())

    def find(self, extension: str, contact: str) -> Location | None:
        """The contact as stored, or the one that means the same. RFC 3261 §19.1.4."""
        contacts = self._by_extension.get(extension, {})
        found = contacts.get(contact)
        if found is not None or not contacts:
            return found
        wanted = parse_uri(contact)
        for item in contacts.values():
            uri = parse_uri(item.registration.contact)
            if isinstance(uri, SipUri) and isinstance(wanted, SipUri) and is_same_uri(uri, wanted):
                return item
        return None

    @contextlib.contextmanager
    def watching(self) -> Iterator[set[Key]]:
        """Collect the keys that events touch meanwhile."""
        touched: set[Key] = set()
        self._watchers.append(touched)
        try:
            yield touched
        finally:
            self._watchers.remove(touched)

    def put(self, new: Location) -> Effect | None:
        """Take a contact from an event; None when it was known already."""
        self._touch(new.key)
        return self._put(new)

    def drop(self, location: Location, reason: str) -> Gone:
        """Forget a contact because of an event."""
        self._touch(location.key)
        return self._drop(location, reason)

    def expire(self, now: datetime) -> list[Effect]:
        """Forget what nobody refreshed in time."""
        ended = [item for item in self.all() if item.registration.expires_at <= now]
        return [self.drop(item, "expired") for item in ended]

    def merge(
        self, found: Mapping[Key, Location], touched: set[Key], is_gone: Callable[[Location], bool]
    ) -> Iterator[Effect]:
        """Take over what the nodes hold; `is_gone` says whether an absent contact has ended.

        Lazily: the caller may rest between two of them.
        """
        for key, new in found.items():
            if key not in touched:
                effect = self._put(new)
                if effect is not None:
                    yield effect
        for item in tuple(self.all()):
            if item.key not in found and item.key not in touched and is_gone(item):
                yield self._drop(item, "removed")

    def _put(self, new: Location) -> Effect | None:
        contacts = self._by_extension.setdefault(new.registration.extension, {})
        old = contacts.get(new.registration.contact)
        if old is None:
            contacts[new.registration.contact] = new
            return Bound(registration=new.registration, is_new=True, was_rebooted=False)
        merged = _merged(old, new)
        contacts[new.registration.contact] = merged
        was, now = old.registration, merged.registration
        if (was.call_id, was.cseq) == (now.call_id, now.cseq):
            return None
        was_rebooted = was.call_id != now.call_id
        return Bound(registration=now, is_new=False, was_rebooted=was_rebooted)

    def _drop(self, location: Location, reason: str) -> Gone:
        extension, contact = location.key
        contacts = self._by_extension.get(extension, {})
        contacts.pop(contact, None)
        if not contacts:
            self._by_extension.pop(extension, None)
        return Gone(registration=location.registration, reason=reason)

    def _touch(self, key: Key) -> None:
        for touched in self._watchers:
            touched.add(key)


def _merged(old: Location, new: Location) -> Location:
    """Keep of a contact what only its event told: its source, MAC and first moment."""
    was, now = old.registration, new.registration
    if was.call_id != now.call_id:
        return new
    if now.cseq < was.cseq:
        return old
    is_source_known = bool(new.received) or new.socket == ""
    registration = replace(
        now,
        registered_at=was.registered_at,
        mac=now.mac or was.mac,
        user_agent=now.user_agent or was.user_agent,
        refreshed_at=max(was.refreshed_at, now.refreshed_at)
        if now.cseq > was.cseq
        else was.refreshed_at,
        source=now.source if is_source_known else was.source,
    )
    return replace(
        new,
        registration=registration,
        node=new.node if new.socket or not old.socket else old.node,
        socket=new.socket or old.socket,
        received=new.received or old.received,
    )


def united(dumps: Iterable[Iterable[Location]], sockets: Mapping[str, str]) -> dict[Key, Location]:
    """Join what several nodes hold, each contact once; `sockets` maps each to its node.

    The node that owns the socket is the contact's own: copies (DMQ) have no socket, and nodes on
    one database show each other's.
    """
    found: dict[Key, Location] = {}
    for item in (item for dump in dumps for item in dump):
        new = replace(item, node=sockets.get(item.socket, item.node)) if item.socket else item
        old = found.get(new.key)
        if old is None or _rank(new) > _rank(old):
            found[new.key] = new
    return found


def _rank(location: Location) -> tuple[datetime, bool]:
    return location.registration.refreshed_at, bool(location.socket)
