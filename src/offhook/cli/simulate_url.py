"""Where simulated phones ask: the folder a person's URL names, and whether it may be asked."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from offhook.cli.client import CannotRunError, default_url
from offhook.simulator.own_host import is_this_host


def folder_url(url: str, config: Path | None) -> str:
    """The directory URL: what was typed, a file name after the last slash taken off."""
    if not url:
        return default_url(config) + "/provision/"
    full = url if "://" in url else f"http://{url}"
    parts = urlsplit(full)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotRunError(f"{url!r} is no http:// URL", "write http://127.0.0.1:8080/provision/")
    folder, _, last = parts.path.rpartition("/")
    path = f"{folder}/" if "." in last or "$" in last or not last else f"{parts.path}/"
    return f"{parts.scheme}://{parts.netloc}{path if path != '/' else '/provision/'}"


def check_host(url: str, *, owns_network: bool) -> None:
    """Refuse another machine unless its owner said so. Raises CannotRunError."""
    host = urlsplit(url).hostname or ""
    if not owns_network and not is_this_host(host):
        raise CannotRunError(
            f"{host} is not this machine",
            "a simulated phone registers as a real one; if the network is yours, "
            "add --i-own-this-network",
        )
