"""The settings of Kamailio, `sip.kamailio`, and what its configuration is made from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from offhook.directory_settings import Section
from offhook.engines.kamailio_config import Cluster, Node, TlsFiles, database_url
from offhook.errors import ConfigError

if TYPE_CHECKING:
    from offhook.settings import Settings

RPC_PORT = 8180
EVENTS_PORT = 8448
_LOOPBACK = "127.0.0.1"


class KamailioNode(Section):
    """One Kamailio, by addresses of the form ip:port."""

    sip: str = Field("", description="where phones reach it; empty: this host, server.sip_port")
    rpc: str = Field(f"{_LOOPBACK}:{RPC_PORT}", description="where Offhook asks it")
    events: str = Field(f"{_LOOPBACK}:{EVENTS_PORT}", description="where Offhook hears from it")

    @field_validator("sip", "rpc", "events")
    @classmethod
    def _is_place(cls, value: str) -> str:
        if value:
            _check_place(value)
        return value


class KamailioSettings(Section):
    """Used with sip.engine: kamailio."""

    nodes: list[KamailioNode] = Field(
        [KamailioNode()], min_length=1, max_length=16, description="each with sip, rpc, events"
    )
    database: str = Field(
        "sqlite:///data/kamailio",
        description="folder of its SQLite files, or postgresql://user:password@host/name, which "
        "nodes on several machines need",
    )

    offhook: list[str] = Field(
        [],
        description="addresses that Offhook asks from, of all its nodes, beside "
        "server.external_ip; Kamailio answers nobody else",
    )

    @field_validator("offhook")
    @classmethod
    def _are_addresses(cls, value: list[str]) -> list[str]:
        return [str(ipaddress.ip_address(item)) for item in value]

    @field_validator("database")
    @classmethod
    def _is_database(cls, value: str) -> str:
        try:
            database_url(value)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return value

    @field_validator("nodes")
    @classmethod
    def _are_apart(cls, value: list[KamailioNode]) -> list[KamailioNode]:
        places = [place for node in value for place in (node.sip, node.rpc, node.events)]
        if len(set(places)) < len(places):
            raise ValueError("every address and port may be given once")
        return value


def absolute_database(url: str, base: Path) -> str:
    """Give the URL with the folder of SQLite files made absolute."""
    parsed = database_url(url)
    if parsed.get_backend_name() != "sqlite":
        return url
    return f"sqlite:///{base / (parsed.database or '')}"


def cluster_of(settings: Settings) -> Cluster:
    """Make the values of all nodes' configurations. Raises ConfigError."""
    kamailio, sip = settings.sip.kamailio, settings.sip
    return Cluster(
        nodes=tuple(
            Node(
                number=number,
                sip=node.sip or _own_place(settings),
                rpc=node.rpc,
                events=node.events,
            )
            for number, node in enumerate(kamailio.nodes, 1)
        ),
        database=kamailio.database,
        realm=sip.realm,
        is_sha256=sip.digest == "sha256-first",
        min_expires_s=sip.min_expires_s,
        max_expires_s=sip.max_expires_s,
        nonce_lifetime_s=sip.nonce_lifetime_s,
        max_contacts=sip.max_contacts,
        offhook=tuple(item for item in (settings.server.external_ip, *kamailio.offhook) if item),
        nonce_secret=_nonce_secret(settings.store.key_file, is_needed=len(kamailio.nodes) > 1),
        tls=_tls(settings),
    )


def _own_place(settings: Settings) -> str:
    server = settings.server
    bind = "" if ipaddress.ip_address(server.bind).is_unspecified else server.bind
    return _place(server.external_ip or bind or _LOOPBACK, server.sip_port)


def _tls(settings: Settings) -> TlsFiles | None:
    sip = settings.sip
    if sip.tls_certificate is None:
        return None
    host = _own_place(settings).rpartition(":")[0].strip("[]")
    return TlsFiles(
        listen=_place(host, sip.tls_port),
        certificate=sip.tls_certificate,
        key=sip.tls_key or sip.tls_certificate,
    )


def _nonce_secret(key_file: Path | None, *, is_needed: bool) -> str:
    """Make the nodes' common secret from our key: nobody has to invent or copy one."""
    if not is_needed:
        return ""
    try:
        key = base64.b64decode((key_file or Path("secret.key")).read_bytes().strip(), validate=True)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"key file {key_file} cannot be read: {error}",
            "several nodes share a secret made from it; the first `offhook serve` makes it",
        ) from error
    return hmac.new(key, b"offhook kamailio nonces", hashlib.sha256).hexdigest()


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_place(value: str) -> None:
    host, _, port = value.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    address = ipaddress.ip_address(bare)
    if (address.version == 6) != host.startswith("["):
        raise ValueError("must be ip:port, an IPv6 address in brackets")
    if address.is_unspecified:
        raise ValueError("must name an address, not all of them")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65535:
        raise ValueError("must be ip:port")
