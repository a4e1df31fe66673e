"""Active Directory as a source of people: read whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from offhook.actions.directory_ports import DirectoryTest, Progress
from offhook.core.directory import DirectoryEntry, DirectoryRead
from offhook.directory.ldap_errors import incomplete
from offhook.directory.ldap_filter import normal_filter
from offhook.directory.ldap_groups import Membership, read_membership
from offhook.directory.ldap_run import perform_in_thread
from offhook.directory.ldap_session import Found, LdapSession, RootDse, first
from offhook.directory.ldap_settings import LdapServer, LdapSettings
from offhook.directory.ldap_values import is_account_enabled, number_of, parse_guid

_PEOPLE = "(sAMAccountType=805306368)(!(isCriticalSystemObject=TRUE))"
"""SAM_NORMAL_USER_ACCOUNT, which is indexed: no computers, no trusts (MS-SAMR §2.2.1.9)."""
_STATE = ("objectGUID", "userAccountControl", "accountExpires")
_SHOWN = 5
_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """People who count: of all groups of interest and of none that is not."""

    include: Membership | None
    exclude: Membership | None

    def holds(self, guid: str, primary_group: int) -> bool:
        if self.include is not None and not self.include.holds(guid, primary_group):
            return False
        return self.exclude is None or not self.exclude.holds(guid, primary_group)


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    root: RootDse
    bases: tuple[str, ...]
    entries: tuple[DirectoryEntry, ...]
    certificate_ends: datetime | None


class LdapDirectory:
    """A DirectorySource on one or more domain controllers of one domain.

    Works in a thread, one for each call. Passwords and names of people are never logged.
    """

    def __init__(
        self,
        settings: LdapSettings,
        *,
        name: str = "active_directory",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self._settings = settings
        self._now = now
        self._filter = f"(&{_PEOPLE}{normal_filter(settings.user_filter)})"
        self._last_server: LdapServer | None = None

    async def read(self, progress: Progress) -> DirectoryRead:
        """Everybody in scope, complete, or DirectoryError: never a part."""
        settings = self._settings
        answer = await perform_in_thread(
            settings,
            settings.parsed_servers(),
            lambda session, report: self._read_people(session, settings.attributes, report),
            progress,
        )
        self._last_server = answer.server
        people = answer.value
        return DirectoryRead(
            server=answer.server.name,
            entries=people.entries,
            invocation_id=people.root.invocation_id,
            highest_usn=people.root.highest_usn,
            warnings=answer.warnings + self._warnings(answer.server, people.certificate_ends),
            certificate_ends=people.certificate_ends,
        )

    async def still_there(self, guids: Sequence[str]) -> Mapping[str, bool]:
        """For people absent from a read: True for those that exist out of scope.

        Asks first the server that gave the last read, since another may be behind it.
        """
        servers = self._settings.parsed_servers()
        if self._last_server in servers:
            servers = (
                self._last_server,
                *(server for server in servers if server != self._last_server),
            )
        answer = await perform_in_thread(
            self._settings,
            servers,
            lambda session, _: {guid: _exists(session, guid) for guid in guids},
            _no_progress,
        )
        return answer.value

    async def test(self) -> DirectoryTest:
        """Connect, sign in, count. Raises DirectoryError."""
        answer = await perform_in_thread(
            self._settings,
            self._settings.parsed_servers(),
            lambda session, report: self._read_people(
                session, ("sAMAccountName", "displayName"), report
            ),
            _no_progress,
        )
        people = answer.value
        return DirectoryTest(
            server=answer.server.name,
            base_dn=people.bases,
            count=len(people.entries),
            people=tuple(
                (_text(entry, "samaccountname"), _text(entry, "displayname"))
                for entry in people.entries[:_SHOWN]
            ),
            certificate_ends=people.certificate_ends,
        )

    def _read_people(
        self, session: LdapSession, attributes: Sequence[str], report: Progress
    ) -> _People:
        root = session.root_dse()
        scope = self._read_scope(session, root, report)
        bases = self._settings.base_dn or (root.naming_context,)
        if not bases[0]:
            raise incomplete(session.server.name, "it names no domain, and base_dn is empty")
        entries = tuple(self._entries(session, bases, attributes, scope, report))
        return _People(
            root=root,
            bases=bases,
            entries=entries,
            certificate_ends=session.certificate_ends,
        )

    def _read_scope(self, session: LdapSession, root: RootDse, report: Progress) -> _Scope:
        groups = self._settings.groups

        def membership(names: tuple[str, ...]) -> Membership | None:
            if not names:
                return None
            report("groups", len(names))
            return read_membership(session, names, root.naming_context, is_nested=groups.is_nested)

        return _Scope(include=membership(groups.include), exclude=membership(groups.exclude))

    def _entries(
        self,
        session: LdapSession,
        bases: Sequence[str],
        attributes: Sequence[str],
        scope: _Scope,
        report: Progress,
    ) -> Iterator[DirectoryEntry]:
        """Yield the people in scope; raises when anybody comes twice or too many come."""
        wanted = list(dict.fromkeys((*_STATE, "primaryGroupID", *attributes)))
        kept = frozenset(name.lower() for name in attributes)
        now = self._now()
        seen: set[str] = set()
        for base in bases:
            for page in session.pages(base, self._filter, wanted):
                for found in page:
                    guid = _guid_of(session, found)
                    if guid in seen:
                        raise incomplete(session.server.name, "somebody came twice")
                    seen.add(guid)
                    if scope.holds(guid, number_of(first(found, "primaryGroupID"))):
                        yield _entry(guid, found, kept, now)
                if len(seen) > self._settings.entries_limit:
                    limit = self._settings.entries_limit
                    raise incomplete(session.server.name, f"more than {limit} people")
                report("people", len(seen))

    def _warnings(self, server: LdapServer, certificate_ends: datetime | None) -> tuple[str, ...]:
        warnings = []
        if self._settings.verify == "none":
            warnings.append(
                f"the certificate of {server.name} is not checked (verify: none): "
                "anybody on the way can read the password"
            )
        if certificate_ends is not None and certificate_ends - self._now() < _SOON:
            warnings.append(f"the certificate of {server.name} ends on {certificate_ends:%Y-%m-%d}")
        return tuple(warnings)


def _guid_of(session: LdapSession, found: Found) -> str:
    try:
        return parse_guid(first(found, "objectGUID"))
    except ValueError as error:
        raise incomplete(session.server.name, "somebody has no objectGUID") from error


def _entry(guid: str, found: Found, kept: frozenset[str], now: datetime) -> DirectoryEntry:
    is_enabled = is_account_enabled(
        first(found, "userAccountControl"), first(found, "accountExpires"), now
    )
    values = {name: values for name, values in found.values.items() if name in kept}
    return DirectoryEntry(guid=guid, dn=found.dn, is_enabled=is_enabled, values=values)


def _exists(session: LdapSession, guid: str) -> bool:
    return session.at(f"<GUID={guid}>", ["objectGUID"]) is not None


def _text(entry: DirectoryEntry, name: str) -> str:
    values = entry.values.get(name)
    return values[0].decode(errors="replace") if values else ""


def _no_progress(_what: str, _count: int) -> None:
    return None
