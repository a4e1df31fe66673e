"""What an LDAP source needs to know, checked when it is made: nothing here is asked later."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from offhook.core.secret import Secret
from offhook.directory.ldap_filter import normal_filter

_ATTRIBUTE = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*")
_DN_COMMA = re.compile(r"(?<!\\)\s*,\s*")
_MAX_PAGE = 1000
"""MaxPageSize of a Windows domain controller (Microsoft KB 315071); a larger page is cut to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapServer:
    """One domain controller; without `is_ldaps` the connection is secured by StartTLS.

    `name` is its URL as in the settings: so it is called in reports.
    """

    name: str
    host: str
    port: int
    is_ldaps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapTimeouts:
    """Deadlines in seconds; a failed server is asked once more after the next of the pauses."""

    connect_s: float = 5.0
    message_s: float = 15.0
    run_s: float = 300.0
    retry_pauses_s: tuple[float, ...] = (1.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapGroups:
    """Only members of a group of `include` (empty: everybody), and of none of `exclude`; DNs."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    is_nested: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LdapSettings:
    """A directory and the account that reads it. Raises ValueError for what cannot work.

    `servers` are URLs in order: `ldaps://` or, with `start_tls`, `ldap://`; there is no clear text.
    `ca_file` empty means the system's store. `verify` is full or none (tests only). `base_dn`
    empty means the whole domain. `attributes` come on top of what the source itself needs.
    """

    servers: tuple[str, ...]
    bind_dn: str
    bind_password: Secret
    start_tls: bool = False
    ca_file: str = ""
    verify: str = "full"
    base_dn: tuple[str, ...] = ()
    user_filter: str = ""
    groups: LdapGroups = LdapGroups()
    page_size: int = 500
    entries_limit: int = 200_000
    timeouts: LdapTimeouts = field(default_factory=LdapTimeouts)
    attributes: tuple[str, ...] = (
        "sAMAccountName",
        "displayName",
        "givenName",
        "sn",
        "cn",
        "mail",
        "ipPhone",
    )

    def __post_init__(self) -> None:
        """Refuse at the start what would fail, or worse succeed, in the night."""
        if not self.servers:
            raise ValueError("no directory server is given")
        for url in self.servers:
            parse_server(url, can_start_tls=self.start_tls)
        if not self.bind_dn.strip():
            raise ValueError("bind_dn is empty: the directory is never read anonymously")
        if not self.bind_password:
            # RFC 4513 §5.1.2: a name with an empty password is an anonymous success
            raise ValueError("the bind password is empty: the server would take it as anonymous")
        if self.verify not in ("full", "none"):
            raise ValueError(f"verify '{self.verify}' is neither full nor none")
        if not 1 <= self.page_size <= _MAX_PAGE:
            raise ValueError(f"page_size {self.page_size} is not within 1 and {_MAX_PAGE}")
        _check_attributes(self.attributes)
        _check_bases(self.base_dn)
        normal_filter(self.user_filter)

    def parsed_servers(self) -> tuple[LdapServer, ...]:
        """Give the servers in order."""
        return tuple(parse_server(url, can_start_tls=self.start_tls) for url in self.servers)


def parse_server(url: str, *, can_start_tls: bool) -> LdapServer:
    """Read a server's URL. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("ldaps", "ldap"):
        raise ValueError(f"'{url}' is not an ldaps:// URL")
    if parts.scheme == "ldap" and not can_start_tls:
        raise ValueError(f"'{url}' would send the password in the clear: use ldaps or start_tls")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or "@" in parts.netloc:
        raise ValueError(f"'{url}' is not a server's URL: ldaps://host or ldaps://host:port")
    is_ldaps = parts.scheme == "ldaps"
    port = parts.port or (636 if is_ldaps else 389)
    return LdapServer(name=url, host=parts.hostname, port=port, is_ldaps=is_ldaps)


def _check_attributes(attributes: tuple[str, ...]) -> None:
    for attribute in attributes:
        if not _ATTRIBUTE.fullmatch(attribute):
            raise ValueError(f"'{attribute}' is not the name of an attribute")


def _check_bases(bases: tuple[str, ...]) -> None:
    normal = [_DN_COMMA.sub(",", base.strip()).casefold() for base in bases]
    for index, base in enumerate(normal):
        if not base:
            raise ValueError("a base_dn is empty")
        for other in normal[:index] + normal[index + 1 :]:
            if base == other or base.endswith("," + other):
                # the same people would come twice, which is how a broken server looks
                raise ValueError(f"base_dn '{bases[index]}' lies within another base_dn")
