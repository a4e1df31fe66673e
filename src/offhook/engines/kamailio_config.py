"""The configuration of a Kamailio node, made from our values."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from offhook.errors import ConfigError

FAILURES_A_MINUTE = 20
"""Wrong passwords of a source and user a minute; tenfold of a source. As the embedded engine."""

REQUESTS_IN_2_S = 2000
"""Requests of one source in two seconds past which it is not heard: an office may be one source."""

_WORKERS = 4
_DEFAULT_EXPIRES_S = 3600
_PACKAGES = ("kamailio", "kamailio-extra-modules")
_IN_PASSWORD_REFUSED = frozenset(":@/\\\"'?# ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A Kamailio: its SIP address, and where Offhook reaches it; each is `ip:port`."""

    number: int
    sip: str
    rpc: str
    events: str

    @property
    def sip_host(self) -> str:
        """The SIP address as a URI has it, an IPv6 one in brackets."""
        return self.sip.rpartition(":")[0]

    @property
    def sip_ip(self) -> str:
        """The SIP address as Kamailio shows a source."""
        return self.sip_host.strip("[]")

    @property
    def rpc_ip(self) -> str:
        """The address of JSON-RPC as Kamailio shows it."""
        return self.rpc.rpartition(":")[0].strip("[]")

    @property
    def rpc_port(self) -> int:
        """The TCP port of JSON-RPC."""
        return int(self.rpc.rpartition(":")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where TLS is spoken, `ip:port`, and with which files."""

    listen: str
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Everything that the configurations of all nodes are made from.

    `database` is postgresql://user:password@host/name, or sqlite:///folder of the two files.
    `offhook` are addresses Offhook may come from, beside the node's own loopback.
    `nonce_secret` is shared by the nodes; empty lets a node make its own at each start.
    """

    nodes: tuple[Node, ...]
    database: str
    realm: str
    is_sha256: bool = False
    min_expires_s: int = 60
    max_expires_s: int = 7200
    nonce_lifetime_s: int = 300
    max_contacts: int = 5
    offhook: tuple[str, ...] = ()
    nonce_secret: str = ""
    tls: TlsFiles | None = None


def render_kamailio(cluster: Cluster, number: int = 1) -> str:
    """Make the configuration of a node. Raises ConfigError when there is no such node."""
    node = next((node for node in cluster.nodes if node.number == number), None)
    if node is None:
        raise ConfigError(f"no node {number}: sip.kamailio.nodes has {len(cluster.nodes)}")
    database = database_url(cluster.database)
    is_sqlite = database.get_backend_name() == "sqlite"
    if is_sqlite and len({one.sip_ip for one in cluster.nodes}) > 1:
        raise ConfigError(
            "Kamailio on several machines needs one subscriber table: sip.kamailio.database must "
            "be postgresql://user:password@host/name"
        )
    template = _ENVIRONMENT.from_string(
        files("offhook.engines").joinpath("kamailio.cfg.j2").read_text(encoding="utf-8")
    )
    return template.render(
        node=node,
        nodes=cluster.nodes,
        peers=[peer for peer in cluster.nodes if peer is not node],
        packages=" ".join(packages(is_sqlite=is_sqlite, has_tls=cluster.tls is not None)),
        has_password=bool(database.password),
        workers=_WORKERS,
        tls=cluster.tls,
        database_module="db_sqlite" if is_sqlite else "db_postgres",
        subscriber_url=_table_url(database, "subscriber"),
        location_url=_table_url(database, "location"),
        # Dollars begin variables where a realm stands.
        realm=cluster.realm.replace("$", "$$"),
        is_sha256=cluster.is_sha256,
        digest_column="ha1_sha256" if cluster.is_sha256 else "ha1",
        min_expires_s=cluster.min_expires_s,
        max_expires_s=cluster.max_expires_s,
        default_expires_s=min(
            max(_DEFAULT_EXPIRES_S, cluster.min_expires_s), cluster.max_expires_s
        ),
        max_contacts=cluster.max_contacts,
        nonce_lifetime_s=cluster.nonce_lifetime_s,
        nonce_secret=cluster.nonce_secret,
        failures_a_minute=FAILURES_A_MINUTE,
        requests_in_2_s=REQUESTS_IN_2_S,
        allowed=_allowed(node, cluster.offhook),
    )


_ENVIRONMENT = Environment(
    autoescape=False,  # noqa: S701 - no HTML; what goes in is checked by the settings
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    undefined=StrictUndefined,
)


def packages(*, is_sqlite: bool, has_tls: bool) -> tuple[str, ...]:
    """Name the Debian packages that a configuration needs."""
    database = "kamailio-sqlite-modules" if is_sqlite else "kamailio-postgres-modules"
    return (*_PACKAGES, database, *(("kamailio-tls-modules",) if has_tls else ()))


def database_url(text: str) -> URL:
    """Read `sip.kamailio.database`. Raises ConfigError, which never repeats the text."""
    form = "must be sqlite:///folder or postgresql://user:password@host/name"
    try:
        url = make_url(text)
    except ArgumentError:
        raise ConfigError(f"sip.kamailio.database {form}") from None
    if url.get_backend_name() not in ("sqlite", "postgresql") or not url.database:
        raise ConfigError(f"sip.kamailio.database {form}")
    # Kamailio reads its URLs as they stand, without percent-escapes.
    parts = (str(url.password or ""), url.username or "")
    if any(_IN_PASSWORD_REFUSED.intersection(part) for part in parts):
        raise ConfigError(
            "user and password of sip.kamailio.database go into Kamailio's own URL, which has no "
            "escapes: choose ones without : @ / ? # quotes, backslashes and blanks"
        )
    return url


def sqlite_file(url: URL, table: str) -> Path:
    """Name the file of a table: two files, because Kamailio waits for no lock of SQLite."""
    return Path(url.database or "") / f"{table}.sqlite"


def _table_url(url: URL, table: str) -> str:
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{sqlite_file(url, table)}"
    who = f"{url.username or ''}{':' if url.password else ''}{url.password or ''}"
    port = f":{url.port}" if url.port else ""
    return f"postgres://{who}{'@' if who else ''}{url.host or '127.0.0.1'}{port}/{url.database}"


def _allowed(node: Node, offhook: tuple[str, ...]) -> tuple[str, ...]:
    if node.rpc_ip in ("127.0.0.1", "::1"):
        return (node.rpc_ip,)
    return tuple(dict.fromkeys((node.rpc_ip, *offhook)))
