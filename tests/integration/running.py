"""The real PBX with its HTTP side, in the test's own loop, on free ports of the loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from offhook.actions.ports import Clock
from offhook.app import Pbx, start_pbx, utc_now
from offhook.services import services
from offhook.settings import load_settings
from offhook.web.asgi import create_asgi
from offhook.web.ports import Services
from offhook.web.server import HttpServer, bind_http, serve_http

CONFIG = """\
server: {external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: 0, sip_port: 0}
reboot: {answer_timeout_s: 1}
"""
# It speaks plain HTTP: reading the machine's authorities would take longer than starting the PBX.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A running PBX: its parts, and where it is called."""

    pbx: Pbx
    services: Services
    http: HttpServer

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.http.port}"


@asynccontextmanager
async def running_pbx(
    folder: Path, now: Clock = utc_now, *, text: str = CONFIG, **environ: str
) -> AsyncIterator[Running]:
    """Start a PBX whose data are in a folder; `api__allowed_hosts="a,b"` sets a setting."""
    config = folder / "config.yml"
    config.write_text(text, encoding="utf-8")
    names = {f"OFFHOOK_{name.upper()}": value for name, value in environ.items()}
    settings = load_settings(config, names)
    listening = bind_http(settings.server.bind, settings.server.http_port)
    pbx = await start_pbx(settings, listening.getsockname()[1], now)
    try:
        parts = services(pbx)
        web = create_asgi(parts)
        http = await serve_http(web, [listening])
        web.open()
        try:
            yield Running(pbx=pbx, services=parts, http=http)
        finally:
            await http.stop()
    finally:
        await pbx.stop()


def client(running: Running, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
    """An HTTP client of a running PBX; the machine's proxy settings do not matter to it."""
    return httpx.AsyncClient(
        base_url=running.url, headers=headers, timeout=20, trust_env=False, verify=_NO_TLS
    )
