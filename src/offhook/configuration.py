"""What follows from the settings and the bound ports: the phones' URL, and facts for rules."""

from __future__ import annotations

from urllib.parse import urlsplit

from offhook.diagnosis.facts import ConfigFacts
from offhook.settings import Settings


def base_url(settings: Settings, http_port: int, https_port: int = 0) -> str:
    """The directory URL of the phones' files, from `provisioning.url_format`; ends with a slash."""
    address = settings.server.external_ip or "127.0.0.1"
    text = settings.provisioning.url_format
    is_secure = text.lower().startswith("https:") and https_port
    port = str(https_port if is_secure else http_port)
    text = text.replace("{{SERVER_IP}}", _bracketed(address)).replace("{{PORT}}", port)
    folder = text.rpartition("/")[0] + "/"
    parts = urlsplit(folder)
    if parts.scheme in ("http", "https") and parts.hostname:
        return folder
    return f"http://{_bracketed(address)}:{http_port}/provision/"


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def config_facts(
    settings: Settings, http_port: int, sip_port: int, tls_port: int = 0, https_port: int = 0
) -> ConfigFacts:
    """The settings as rules look at them."""
    return ConfigFacts(
        is_provisioning_enabled=settings.provisioning.enabled,
        external_ip=settings.server.external_ip,
        url_format=settings.provisioning.url_format,
        http_port=http_port,
        https_port=https_port,
        sip_port=sip_port,
        tls_port=tls_port,
        transport=settings.preferences.transport,
        realm=settings.sip.realm,
        base=base_url(settings, http_port, https_port),
        allowed_networks=tuple(settings.provisioning.allowed_networks),
    )
