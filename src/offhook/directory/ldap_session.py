"""One conversation with one server, by ldap3, with its traps closed. Blocking: for a thread.

ldap3 2.9.1 calls a referral, an interrupted page and a refused search a success without people.
Here every result code is looked at, nothing is followed, and a page must say what comes after it.
"""

from __future__ import annotations

import contextlib
import logging
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509

from offhook.actions.directory_ports import DirectoryError
from offhook.directory.ldap_errors import bind_error, incomplete, result_error
from offhook.directory.ldap_settings import LdapServer, LdapSettings
from offhook.directory.ldap_values import number_of, parse_guid
from offhook.directory.ldap_wire import Wire, tls_context

with warnings.catch_warnings():
    # ldap3 2.9.1 asks pyasn1 for names that are going away
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3  # type: ignore[import-untyped] # has no types
    from ldap3.core.exceptions import LDAPException  # type: ignore[import-untyped] # likewise
    from pyasn1.error import PyAsn1Error  # type: ignore[import-untyped] # likewise

EVERYTHING = "(objectClass=*)"
EXTENDED_DN = ("1.2.840.113556.1.4.529", True, bytes.fromhex("3003020101"))
"""Names come with their GUID, as text (MS-ADTS §3.1.1.3.4.1.5: SEQUENCE { INTEGER 1 })."""
_START_TLS = "1.3.6.1.4.1.1466.20037"
_PAGED = "1.2.840.113556.1.4.319"
_ENTRY, _ENTRY_TAG = "searchResEntry", 4
_SUCCESS = 0
_NO_SUCH_OBJECT = 32
# What ldap3 raises for the network, and its decoder for what is not well formed
_UNREADABLE = (
    LDAPException,
    OSError,
    PyAsn1Error,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)

_log = logging.getLogger("offhook.directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An entry: names of attributes in lower case, values as they came."""

    dn: str
    values: Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootDse:
    """What a server says of itself; `invocation_id` is empty where there is none."""

    naming_context: str
    invocation_id: str
    highest_usn: int


class LdapSession:
    """A signed-in connection. `abort` may come from any thread, the rest from one."""

    def __init__(self, server: LdapServer, settings: LdapSettings) -> None:
        self.server = server
        self.certificate_ends: datetime | None = None
        self._settings = settings
        self._wire = Wire(server, settings.timeouts)
        self._connection = _connection_over(self._wire, server, settings)

    def open(self) -> None:
        """Connect, secure, sign in. Raises DirectoryError."""
        settings, server = self._settings, self.server
        context = tls_context(server.name, settings.ca_file, is_verified=settings.verify == "full")
        self._wire.connect()
        if not server.is_ldaps:
            result = self._ask("extended", _START_TLS)
            if result["result"] != _SUCCESS:
                raise result_error(server.name, result["result"], "StartTLS refused")
        certificate = self._wire.secure(context, server.host)
        with contextlib.suppress(ValueError):  # unchecked, it may be anything
            self.certificate_ends = x509.load_der_x509_certificate(certificate).not_valid_after_utc
        result = self._ask("bind", read_server_info=False)
        if result["result"] != _SUCCESS:
            _log.debug("bind at %s: %s", server.name, result["message"])
            raise bind_error(server.name, result["result"], result["message"])

    def root_dse(self) -> RootDse:
        """Ask who answers. RFC 4512 §5.1, MS-ADTS §3.1.1.3.2."""
        names = ["defaultNamingContext", "dsServiceName", "highestCommittedUSN"]
        found = self.at("", names)
        if found is None:
            raise incomplete(self.server.name, "the server says nothing of itself")
        context, service, usn = (first(found, name) for name in names)
        return RootDse(
            naming_context=context.decode(errors="replace"),
            invocation_id=self._invocation_id(service.decode(errors="replace")),
            highest_usn=number_of(usn),
        )

    def at(
        self, dn: str, attributes: Sequence[str], controls: Sequence[object] = ()
    ) -> Found | None:
        """Read one entry; None when it is not there or not to be seen."""
        result = self._search(dn, EVERYTHING, ldap3.BASE, attributes, controls=list(controls))
        if result["result"] == _NO_SUCH_OBJECT:
            return None
        self._check(result)
        return next(iter(self._entries()), None)

    def pages(self, base: str, filter_: str, attributes: Sequence[str]) -> Iterator[list[Found]]:
        """Read all entries below `base`, page by page; raise unless the last page came.

        The cookie is no proof of progress: Samba gives the same one with every page (measured
        with 4.17). So a page without entries must at least bring a new one.
        """
        cookie = b""
        while True:
            result = self._search(
                base,
                filter_,
                ldap3.SUBTREE,
                attributes,
                paged_size=self._settings.page_size,
                paged_criticality=True,
                paged_cookie=cookie or None,
            )
            if result["result"] == _NO_SUCH_OBJECT:
                raise incomplete(self.server.name, f"there is no '{base}'", _NO_SUCH_OBJECT)
            self._check(result)
            entries = self._entries()
            following = self._cookie(result)
            if following and following == cookie and not entries:
                raise incomplete(self.server.name, "the pages do not come to an end")
            yield entries
            cookie = following
            if not cookie:
                return

    def sign_off(self) -> None:
        """Say goodbye; only after a conversation that went well, or it waits for an answer."""
        with contextlib.suppress(LDAPException, OSError):
            self._connection.unbind()

    def close(self) -> None:
        """Close the connection, in whatever state it is."""
        self._wire.close()

    def abort(self) -> None:
        """Cut the connection under whoever waits for it."""
        self._wire.abort()

    def _invocation_id(self, service: str) -> str:
        found = self.at(service, ["invocationId"]) if service else None
        raw = first(found, "invocationId") if found else b""
        return parse_guid(raw) if len(raw) == 16 else ""

    def _search(
        self, base: str, filter_: str, scope: str, attributes: Sequence[str], **more: object
    ) -> dict[str, Any]:
        return self._ask(
            "search",
            base,
            filter_,
            scope,
            dereference_aliases=ldap3.DEREF_NEVER,
            attributes=list(attributes),
            auto_escape=False,
            **more,
        )

    def _ask(self, verb: str, *args: object, **more: object) -> dict[str, Any]:
        """Have ldap3 send a request and wait for its result; every error becomes ours."""
        try:
            getattr(self._connection, verb)(*args, **more)
            result = self._connection.result
        except _UNREADABLE as error:
            # the library's own error may hold the request, and a bind request holds the password
            raise self._wire.failure or self._unreadable(error) from None
        if not isinstance(result, dict) or "result" not in result:
            raise incomplete(self.server.name, "an answer without a result")
        return result

    def _unreadable(self, error: Exception) -> DirectoryError:
        _log.debug("answer of %s cannot be read: %s", self.server.name, type(error).__name__)
        return incomplete(self.server.name, "an answer that cannot be read")

    def _check(self, result: Mapping[str, Any]) -> None:
        if result["result"] != _SUCCESS:
            _log.debug("search at %s: %s", self.server.name, result["message"])
            raise result_error(self.server.name, result["result"], result["description"])

    def _entries(self) -> list[Found]:
        response = self._connection.response
        return [item["found"] for item in response if item["type"] == _ENTRY]

    def _cookie(self, result: Mapping[str, Any]) -> bytes:
        control = result.get("controls", {}).get(_PAGED)
        if control is None:
            raise incomplete(self.server.name, "a page that does not say whether more follow")
        return bytes(control["value"]["cookie"])


def first(found: Found, name: str) -> bytes:
    """Give the first value of an attribute, or nothing."""
    values = found.values.get(name.lower())
    return values[0] if values else b""


def _connection_over(wire: Wire, server: LdapServer, settings: LdapSettings) -> Any:
    """Give ldap3 a socket that is connected already.

    Left to itself it knows no deadline for a whole message, no limit of size, and, from Python
    3.12 on, no certificate for an address.
    """
    connection = ldap3.Connection(
        ldap3.Server(server.host, port=server.port, get_info=ldap3.NONE),
        user=settings.bind_dn,
        password=settings.bind_password.reveal(),
        authentication=ldap3.SIMPLE,
        client_strategy=ldap3.SYNC,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        return_empty_attributes=False,
        read_only=True,
    )
    connection.socket = wire
    connection.closed = False
    connection.listening = True
    connection.strategy._outstanding = {}
    connection.strategy.decode_response_fast = _LightDecoder(
        connection.strategy.decode_response_fast
    )
    return connection


class _LightDecoder:
    """Makes entries of messages that ldap3 took apart; leaves all other messages to ldap3.

    ldap3 would decode every value twice and look up its settings for each: for 20,000 people more
    than half of the time of the whole read (measured, 3.8 s of processor time, 1.6 s so).
    """

    def __init__(self, decode: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        self._decode = decode
        self._names: dict[bytes, str] = {}

    def __call__(self, message: Mapping[str, Any]) -> dict[str, Any]:
        if message["protocolOp"] != _ENTRY_TAG:
            return self._decode(message)
        name, attributes = message["payload"]
        values = {
            self._name(kind[3]): _octets(items[3]) for _, _, _, (kind, items) in attributes[3]
        }
        dn = name[3].decode(errors="replace")
        return {"type": _ENTRY, "found": Found(dn=dn, values=values)}

    def _name(self, raw: bytes) -> str:
        """Spell a name in one way, and keep one copy of it for all entries."""
        name = self._names.get(raw)
        if name is None:
            name = self._names[raw] = raw.decode().lower()
        return name


def _octets(items: Sequence[tuple[int, bool, int, object]]) -> tuple[bytes, ...]:
    values = tuple([item[3] for item in items])
    if any(type(value) is not bytes for value in values):
        raise ValueError("a value that is no octet string")
    return values  # type: ignore[return-value] # just seen
