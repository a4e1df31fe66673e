"""The location table: which contacts an extension has, until when. RFC 3261 §10.3."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from offhook.sip.places import Places
from offhook.sip.uri import SipUri, is_same_uri, parse_uri
from offhook.values import light


@light(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a request came from, and so where its phone can be reached: `udp` or `tcp`."""

    transport: str
    host: str
    port: int
    _text: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every step of a REGISTER asks for it.
        host = f"[{self.host}]" if ":" in self.host else self.host
        object.__setattr__(self, "_text", f"{self.transport}:{host}:{self.port}")

    def __str__(self) -> str:
        return self._text


@light(frozen=True, slots=True, kw_only=True)
class Binding:
    """One contact of an extension. `contact` is the URI exactly as the phone wrote it.

    Moments are seconds since the epoch. `note` is a text the embedder chose to keep with it.
    """

    aor: str
    contact: str
    source: str
    call_id: str
    cseq: int
    user_agent: str = ""
    path: tuple[str, ...] = ()
    instance: str = ""
    reg_id: str = ""
    q: float = 1.0
    note: str = ""
    registered_at: float
    refreshed_at: float
    expires_at: float

    def since(self, moment: float) -> Binding:
        """Give the same binding, made at an earlier moment. `replace` would take three times."""
        return Binding(
            aor=self.aor,
            contact=self.contact,
            source=self.source,
            call_id=self.call_id,
            cseq=self.cseq,
            user_agent=self.user_agent,
            path=self.path,
            instance=self.instance,
            reg_id=self.reg_id,
            q=self.q,
            note=self.note,
            registered_at=moment,
            refreshed_at=self.refreshed_at,
            expires_at=self.expires_at,
        )


@light(frozen=True, slots=True, kw_only=True)
class Bound:
    """A binding was made or refreshed; `was_rebooted` means a new Call-ID on a known contact.

    RFC 3261 §10.2.4: a phone keeps its Call-ID within one boot, so this is evidence, not proof.
    """

    binding: Binding
    is_new: bool
    was_rebooted: bool


@light(frozen=True, slots=True, kw_only=True)
class Unbound:
    """A binding ended: `reason` is removed or expired."""

    binding: Binding
    reason: str


BindingEffect = Bound | Unbound


@light(frozen=True, slots=True, kw_only=True)
class Ask:
    """One contact a REGISTER asks for: a new binding, or with `is_removal` its end."""

    uri: SipUri
    binding: Binding
    is_removal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A change that was refused whole: status and reason of the answer."""

    status: int
    reason: str


# Ports of another length, or beyond 59999, are for the general way.
_USUAL_CONTACT = re.compile(
    r"sip:([A-Za-z0-9_.+\-]+@[0-9.]+:(?:[1-9][0-9]{3}|[1-5][0-9]{4}))(?:;transport=(?:udp|tcp|tls))?\Z"
)
OUT_OF_ORDER = Conflict(status=500, reason="CSeq Out Of Order")


class BindingTable:
    """All live bindings. A change of several contacts is made whole or not at all."""

    def __init__(self, *, max_contacts: int) -> None:
        self._max_contacts = max_contacts
        self._by_aor: dict[str, tuple[Binding, ...]] = {}
        self._by_source: Places[str] = Places()
        self._by_place: Places[str] = Places()
        self._due: list[tuple[float, str]] = []
        self._scheduled: dict[str, float] = {}

    def __len__(self) -> int:
        return sum(map(len, self._by_aor.values()))

    def of(self, aor: str) -> tuple[Binding, ...]:
        """Give the bindings of an extension, oldest first."""
        return self._by_aor.get(aor, ())

    def owners(self, source: str) -> frozenset[str]:
        """Give the extensions that have a binding from a source."""
        return frozenset(self._by_source.at(source))

    def at(self, uri: SipUri) -> tuple[Binding, ...]:
        """Give the bindings whose contact has this user and address, last refreshed last."""
        place = _place(uri)
        aors = self._by_place.at(place)
        found = [b for aor in aors for b in self.of(aor) if _place_of(b.contact) == place]
        return tuple(sorted(found, key=lambda binding: binding.refreshed_at))

    def all(self) -> Iterator[Binding]:
        """Give every binding."""
        return chain.from_iterable(self._by_aor.values())

    def restore(self, binding: Binding) -> None:
        """Take a live binding kept over a restart; one with an unreadable contact is dropped."""
        place = _place_of(binding.contact)
        if not place:
            return
        if (others := self._by_aor.get(binding.aor)) is not None:
            kept = [it for it in others if it.contact != binding.contact]
            self._commit(binding.aor, (*kept, binding))
            return
        # Nearly every extension has one: what `_commit` does, without looking for a difference.
        self._by_aor[binding.aor] = (binding,)
        self._by_source.add(binding.source, binding.aor)
        self._by_place.add(place, binding.aor)
        self._schedule(binding.aor, binding.expires_at)

    def apply(self, aor: str, asks: Sequence[Ask]) -> tuple[BindingEffect, ...] | Conflict:
        """Make all changes of one REGISTER or none. RFC 3261 §10.3 step 7."""
        draft = {it.contact: it for it in self.of(aor)}
        touched: set[str] = set()
        effects: list[BindingEffect] = []
        for ask in asks:
            old = _find(draft, ask, touched)
            # The same contact twice in one request: the later one counts.
            is_ours = old is not None and old.contact in touched
            if old is not None and not is_ours and not _is_newer(old, ask.binding):
                return OUT_OF_ORDER
            if old is not None:
                del draft[old.contact]
            if not ask.is_removal:
                effects.append(_bind(draft, ask.binding, old))
                touched.add(ask.binding.contact)
            elif old is not None:
                effects.append(Unbound(binding=old, reason="removed"))
        if len(draft) > self._max_contacts:
            evicted = self._evict(draft, touched)
            if isinstance(evicted, Conflict):
                return evicted
            effects[:0] = evicted
        self._commit(aor, tuple(draft.values()))
        return tuple(effects)

    def clear(self, aor: str, call_id: str, cseq: int) -> tuple[Unbound, ...] | Conflict:
        """Remove all bindings of an extension as `Contact: *` asks, if the CSeq is in order."""
        if any(old.call_id == call_id and cseq <= old.cseq for old in self.of(aor)):
            return OUT_OF_ORDER
        return self.drop(aor)

    def drop(self, aor: str) -> tuple[Unbound, ...]:
        """Remove all bindings of an extension because a person or a program says so."""
        bindings = self.of(aor)
        self._commit(aor, ())
        return tuple(Unbound(binding=old, reason="removed") for old in bindings)

    def expire(self, now: float) -> tuple[Unbound, ...]:
        """Drop what has expired; costs nothing for extensions with nothing due."""
        expired: list[Unbound] = []
        while self._due and self._due[0][0] <= now:
            at, aor = heapq.heappop(self._due)
            if self._scheduled.get(aor) != at:
                continue
            del self._scheduled[aor]
            bindings = self.of(aor)
            gone = [old for old in bindings if old.expires_at <= now]
            expired += [Unbound(binding=old, reason="expired") for old in gone]
            self._commit(aor, tuple(old for old in bindings if old.expires_at > now))
        return tuple(expired)

    def _evict(
        self, draft: dict[str, Binding], touched: set[str]
    ) -> tuple[Unbound, ...] | Conflict:
        """Make room when a phone has left too many contacts behind.

        A phone on TCP may name a new port at each boot, and its dead contacts live until they
        expire. The one refreshed longest ago goes, if it came from the same host as what is asked
        now; another host's phone is never pushed out: 403, because only a person can mend that,
        and a 5xx would make the phone repeat itself.
        """
        evicted: list[Unbound] = []
        hosts = {_host(draft[contact].source) for contact in touched if contact in draft}
        while len(draft) > self._max_contacts:
            spare = [b for b in draft.values() if b.contact not in touched]
            spare = [b for b in spare if _host(b.source) in hosts]
            if not spare:
                return Conflict(status=403, reason="Too Many Contacts")
            oldest = min(spare, key=lambda binding: binding.refreshed_at)
            del draft[oldest.contact]
            evicted.append(Unbound(binding=oldest, reason="removed"))
        return tuple(evicted)

    def _commit(self, aor: str, bindings: tuple[Binding, ...]) -> None:
        before = self.of(aor)
        if not before or {(old.source, old.contact) for old in before} != {
            (new.source, new.contact) for new in bindings
        }:
            self._link(aor, before, bindings)
        if not bindings:
            self._by_aor.pop(aor, None)
            return
        self._by_aor[aor] = bindings
        self._schedule(aor, min(binding.expires_at for binding in bindings))

    def _schedule(self, aor: str, at: float) -> None:
        scheduled = self._scheduled.get(aor)
        # An entry that is too early is harmless: it is looked at and put back later.
        if scheduled is None or at < scheduled:
            self._scheduled[aor] = at
            heapq.heappush(self._due, (at, aor))

    def _link(self, aor: str, before: Iterable[Binding], bindings: Iterable[Binding]) -> None:
        for old in before:
            self._by_source.discard(old.source, aor)
            self._by_place.discard(_place_of(old.contact), aor)
        for new in bindings:
            self._by_source.add(new.source, aor)
            self._by_place.add(_place_of(new.contact), aor)


def _place(uri: SipUri) -> str:
    return f"{uri.user}@{uri.host}:{uri.port or 5060}"


def _place_of(contact: str) -> str:
    """Give user and address of a contact; empty when it is no SIP URI.

    What nearly every phone writes is taken as it stands: a start does so for each of them.
    """
    usual = _USUAL_CONTACT.match(contact)
    return usual[1] if usual else _place_of_any(contact)


def _place_of_any(contact: str) -> str:
    """Do as `_place_of`, whatever the contact looks like."""
    uri = parse_uri(contact)
    return _place(uri) if isinstance(uri, SipUri) else ""


def _find(draft: Mapping[str, Binding], ask: Ask, touched: set[str]) -> Binding | None:
    """Find the stored binding a contact means: by URI, else by the instance that made it.

    RFC 5626 §6 compares instance and reg-id. Phones that send an instance without reg-id are
    treated alike, so that a phone with a new address replaces its old binding instead of leaving
    a dead one that would be notified.
    """
    exact = draft.get(ask.uri.text)
    if exact is not None:
        return exact
    for old in draft.values():
        uri = parse_uri(old.contact)
        if isinstance(uri, SipUri) and is_same_uri(uri, ask.uri):
            return old
    wanted = ask.binding
    if not wanted.instance or ask.is_removal:
        return None
    for old in draft.values():
        is_free = old.contact not in touched
        if is_free and (old.instance, old.reg_id) == (wanted.instance, wanted.reg_id):
            return old
    return None


def _is_newer(old: Binding, new: Binding) -> bool:
    return old.call_id != new.call_id or new.cseq > old.cseq


def _bind(draft: dict[str, Binding], new: Binding, old: Binding | None) -> Bound:
    was_rebooted = old is not None and old.call_id != new.call_id
    if old is not None and not was_rebooted:
        new = new.since(old.registered_at)
    draft[new.contact] = new
    return Bound(binding=new, is_new=old is None, was_rebooted=was_rebooted)


def _host(source: str) -> str:
    return source.partition(":")[2].rpartition(":")[0]
