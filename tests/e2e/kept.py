"""A server with everything that a backup must keep, and the proof that it is all there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from offhook.store.templates import package_templates
from tests.e2e.asking import Asking
from tests.e2e.server import Server, wait_for
from tests.e2e.site import NodeServer
from tests.integration.kamailio import free_ports

CONFIG = """\
server: {external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: %d, sip_port: %d, node_name: north}
provisioning: {url_format: "http://127.0.0.1:8080/provision/{mac}.cfg"}
phones: {ntp_server: ntp.site.example}
store: {url: "%s"}
logging: {file: logs/pbx.log}
"""
AGENT = "curl/8"
TEMPLATE = "yealink/main.cfg.j2"
MACS = ("001565000001", "001565000002")
FILES = (*(f"{mac}.cfg" for mac in MACS), "cfg000b82000003.xml")
SETTINGS = {"phone_setting.lock": "1"}
ADMIN, PASSWORD = "ada", "correct horse battery"


class Kept:
    """A server with everything that a backup must keep, and what it had then."""

    def __init__(self, folder: Path, store_url: str = "sqlite:///data/offhook.db") -> None:
        self.folder = folder
        self.ports = free_ports(2)
        self.server = NodeServer(folder, "north", CONFIG % (*self.ports, store_url))
        template = folder / "templates" / TEMPLATE
        template.parent.mkdir(parents=True)
        template.write_text(package_templates()[TEMPLATE] + "# of this site\n", encoding="utf-8")
        self.files: dict[str, str] = {}
        self.secrets: dict[str, str] = {}
        self.history: list[object] = []
        self.token = ""

    def fill(self) -> None:
        """Start, add phones and people, and note what there is."""
        server = self.server
        server.start()
        for number, name in (("1001", "Ada"), ("1002", "Zoë O'Neil"), ("1003", "Grace")):
            server.add(number, name)
        for mac, number in zip(MACS, ("1001", "1002"), strict=True):
            server.add_device(mac, number, "yealink", "t46s")
            server.api("PATCH", f"/api/provisioning/devices/{mac}", {"settings": SETTINGS})
        server.add_device("000b82000003", "1003", "grandstream", "gxp2170")
        server.api("POST", "/api/admins", {"name": ADMIN, "password": PASSWORD})
        self.token = server.api("POST", "/api/tokens", {"name": "monitoring"})["token"]
        self.files = {file: server.fetch(file, AGENT)[1] for file in FILES}
        self.secrets = {number: server.secret(number) for number in ("1001", "1002", "1003")}
        assert "# of this site" in self.files[FILES[0]]
        assert "phone_setting.lock = 1" in self.files[FILES[0]]
        assert "ntp.site.example" in self.files[FILES[0]]
        self.history = wait_for(self._requests, 60, server.log)

    def asking(self) -> Asking:
        """Phones that ask for all files, for the length of a block."""
        return Asking([self.server], {name: [text] for name, text in self.files.items()}, AGENT)

    def _requests(self) -> list[object]:
        """All requests of phones in the history, once those of `fill` are written."""
        found: list[object] = []
        while True:
            page = f"/api/provisioning/requests?limit=1000&offset={len(found)}"
            rows = self.server.api("GET", page)["requests"]
            found += [(it["timestamp"], it["path"]) for it in rows]
            if not rows:
                return found if len(found) >= len(FILES) else []

    def check(self) -> None:
        """Fail unless everything is as it was."""
        assert {file: self.server.fetch(file, AGENT)[1] for file in FILES} == self.files
        assert {number: self.server.secret(number) for number in self.secrets} == self.secrets
        assert set(self.history) <= set(self._requests())
        numbers = self.server.api("GET", "/api/extensions")["extensions"]
        assert {it["number"] for it in numbers} == set(self.secrets)
        assert _status_from_afar(self.server, self.token) == 200
        assert _status_from_afar(self.server, "x" * len(self.token)) == 401
        assert _sees_pages(self.server, PASSWORD)
        assert not _sees_pages(self.server, PASSWORD + "x")


def _status_from_afar(server: Server, token: str) -> int:
    """Call the API as through a proxy: who comes so is not trusted for being on this machine."""
    headers = {"X-Forwarded-For": "203.0.113.5", "Authorization": f"Bearer {token}"}
    return server.call("GET", "/api/extensions", headers=headers)[0]


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        """Follow no redirect."""


def _sees_pages(server: Server, password: str) -> bool:
    """Sign in as a browser does; tells whether it was led on with a cookie."""
    form = urlencode({"name": ADMIN, "password": password}).encode()
    opener = build_opener(_Stay)
    try:
        opener.open(Request(f"{server.url}/sign-in", form), timeout=60)
    except OSError as error:
        with closing(error) as answer:
            return answer.code == 303 and "set-cookie" in answer.headers
    return False
