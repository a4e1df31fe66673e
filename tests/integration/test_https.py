"""HTTPS beside HTTP: the same answers, renewed certificates, and handshakes that fail."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.ports import AttemptQuery
from offhook.app import Pbx, start_pbx
from offhook.certificate import Certificate
from offhook.cli.running import _on_tls_failed
from offhook.core.mac import Mac
from offhook.core.tls_ports import HTTPS
from offhook.services import services
from offhook.settings import load_settings
from offhook.web import protocol
from offhook.web.asgi import create_asgi
from offhook.web.call_protocol import CallProtocol
from offhook.web.door import Tls
from offhook.web.server import HttpServer, bind_http, serve_http
from tests.integration.certificates import Authority, key_pem
from tests.integration.wire import Reply, parse

PHONE = Mac(0x001565123456)
FILE = "/provision/001565123456.cfg"
AGENT = "Yealink SIP-T46S 66.85.0.15"
CONFIG = """\
server: {external_ip: 127.0.0.1, bind: 127.0.0.1, http_port: 0, sip_port: 0}
provisioning: {url_format: "https://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg"}
"""


class Secure:
    """A PBX with HTTPS, its authority, and a phone of its own."""

    def __init__(self, pbx: Pbx, http: HttpServer, authority: Authority, file: Path) -> None:
        self.pbx, self.http, self.authority, self.file = pbx, http, authority, file
        self.trusting = authority.trusted()

    async def get(
        self,
        path: str = FILE,
        *lines: str,
        context: ssl.SSLContext | None = None,
        method: str = "GET",
    ) -> Reply:
        """Ask over HTTPS on a connection of its own."""
        head = "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""))
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.http.https_port, ssl=context or self.trusting
            )
            writer.write(head.encode())
            answer = await reader.read()
            writer.transport.abort()
        return parse(answer)

    async def phone(self, path: str = FILE, *lines: str) -> Reply:
        """Ask as the phone does."""
        return await self.get(path, f"User-Agent: {AGENT}", "Connection: close", *lines)


@pytest_asyncio.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Secure]:
    authority = Authority()
    file = authority.write(tmp_path / "https.pem")
    async with running(tmp_path, authority, file) as found:
        yield found


class running:  # noqa: N801 - used as a function
    """A PBX with HTTPS for the length of a block."""

    def __init__(
        self, folder: Path, authority: Authority, file: Path, *, allows_old: bool = False
    ) -> None:
        self._folder, self._authority, self._file = folder, authority, file
        self._allows_old = allows_old

    async def __aenter__(self) -> Secure:
        config = self._folder / "config.yml"
        named = CONFIG.replace("http_port", f"tls_certificate: {self._file}, http_port", 1)
        config.write_text(named, encoding="utf-8")
        settings = load_settings(config, {})
        plain, encrypted = bind_http("127.0.0.1", 0), bind_http("127.0.0.1", 0)
        ports = plain.getsockname()[1], encrypted.getsockname()[1]
        self._pbx = pbx = await start_pbx(settings, ports[0], https_port=ports[1])
        certificate = Certificate(self._file, None, HTTPS, allows_old=self._allows_old)
        assert certificate.load() is None
        tls = Tls(certificate, partial(_on_tls_failed, pbx))
        web = create_asgi(services(pbx))
        self._http = await serve_http(web, [plain], encrypted, tls)
        web.open()
        await pbx.extensions.add_extension("test", number="1001", name="John Smith")
        lines = [LineSpec(extension="1001")]
        spec = DeviceSpec(mac_address=PHONE.plain, vendor="yealink", model="t46s", lines=lines)
        await pbx.devices.put_device("test", spec)
        return Secure(pbx, self._http, self._authority, self._file)

    async def __aexit__(self, *_: object) -> None:
        await self._http.stop()
        await self._pbx.stop()


async def test_phone_gets_its_file_and_each_attempt_says_https(secure: Secure) -> None:
    first, again = await secure.phone(), await secure.phone()
    assert first.status == 200
    assert again.body == first.body
    url = f"https://127.0.0.1:{secure.http.https_port}/provision/"
    assert secure.pbx.config.base == url
    _, attempts = await secure.pbx.store.journal.attempts(AttemptQuery())
    assert [(it.transport, it.status) for it in attempts] == [("https", 200)] * 2
    assert secure.pbx.state.sightings[PHONE].last_provisioned is not None


async def test_conditional_head_and_kept_requests_are_as_over_http(secure: Secure) -> None:
    whole = await secure.phone()
    head = await secure.get(FILE, f"User-Agent: {AGENT}", "Connection: close", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.fields["content-length"] == whole.fields["content-length"]
    etag = whole.fields["etag"]
    assert (await secure.phone(FILE, f"If-None-Match: {etag}")).status == 304
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", secure.http.https_port, ssl=secure.trusting
    )
    for _ in range(3):
        writer.write(f"GET {FILE} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        begin = await reader.readuntil(b"\r\n\r\n")
        size = int(parse(begin).fields["content-length"])
        assert await reader.readexactly(size) == whole.body
    writer.transport.abort()


async def test_upload_and_api_are_served_too(secure: Secure) -> None:
    context = secure.trusting
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.http.https_port, ssl=context)
    body = b"x" * 100_000
    head = (
        f"PUT /provision/{PHONE.plain}-local.cfg HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: {AGENT}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    writer.write(head.encode() + body)
    assert parse(await reader.read()).status == 201
    writer.transport.abort()
    status = await secure.get("/api/status", "Connection: close")
    assert status.status == 200


async def test_calls_of_a_script_are_answered_on_one_connection(secure: Secure) -> None:
    await secure.http.app.calls.api()  # type: ignore[attr-defined] # only of Web
    async with asyncio.timeout(20):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", secure.http.https_port, ssl=secure.trusting
        )
        for number in range(2000, 2020):
            body = b'{"number":"%d","name":"New"}' % number
            head = b"POST /api/extensions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(body) + body)
        for number in range(2000, 2020):
            assert b" 201 Created" in await reader.readuntil(b"\r\n\r\n")
            assert b'"number":"%d"' % number in await reader.readuntil(b"\n}\n")
        connections = secure.http._doors[0].house.state.connections
        assert [type(it) for it in connections] == [CallProtocol]
        writer.transport.abort()


async def test_cookies_stay_on_https(secure: Secure) -> None:
    code = secure.pbx.admins.setup_code
    form = f"code={code}&name=admin&password=long-enough-words&again=long-enough-words"
    answer = await secure.get("/set-up", "Connection: close")
    assert answer.status in (200, 303, 403)
    lines = (
        "Content-Type: application/x-www-form-urlencoded",
        f"Origin: https://127.0.0.1:{secure.http.https_port}",
        f"Content-Length: {len(form)}",
        "Connection: close",
    )
    head = "\r\n".join(
        ("POST /set-up HTTP/1.1", f"Host: 127.0.0.1:{secure.http.https_port}", *lines, "", form)
    )
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", secure.http.https_port, ssl=secure.trusting
    )
    writer.write(head.encode())
    answered = await reader.read()
    writer.transport.abort()
    cookies = [it for it in answered.split(b"\r\n") if it.lower().startswith(b"set-cookie")]
    assert cookies, answered[:2000]
    assert all(b"secure" in it.lower() for it in cookies)


async def test_renewed_certificate_is_taken_and_a_broken_one_is_not(secure: Secure) -> None:
    def serial(context: ssl.SSLContext) -> asyncio.Future[str]:
        return asyncio.ensure_future(_serial(secure.http.https_port, context))

    before = await serial(secure.trusting)
    secure.authority.write(secure.file, "pbx renewed")
    renewed = await serial(secure.trusting)
    assert renewed != before
    secure.file.write_text("broken", encoding="utf-8")
    assert await serial(secure.trusting) == renewed
    assert (await secure.phone()).status == 200


async def _serial(port: int, context: ssl.SSLContext) -> str:
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    found = writer.get_extra_info("peercert")["serialNumber"]
    writer.transport.abort()
    return str(found)


async def test_failed_handshake_is_told_once_and_on_the_phones_timeline(secure: Secure) -> None:
    await secure.phone()
    strict = ssl.create_default_context(cadata=Authority(name="another").pem)
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            await secure.get(context=strict)
    async with asyncio.timeout(10):
        while not (found := await secure.pbx.store.journal.sip_records(PHONE, [], limit=5)):
            await secure.phone()
    assert [(it.kind, it.source) for it in found] == [("tls_failed", "https:127.0.0.1:0")]
    assert "trust" in found[0].detail
    assert (await secure.phone()).status == 200


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\0" * 50])
async def test_what_is_no_tls_is_closed(
    secure: Secure, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "REQUEST_TIMEOUT_S", 0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", secure.http.https_port)
    writer.write(data)
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < 100
    writer.transport.abort()
    assert (await secure.phone()).status == 200


def _old_client(authority: Authority) -> ssl.SSLContext:
    context = authority.trusted()
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("allows_old", [False, True])
async def test_old_phones_are_let_in_only_where_that_is_set(
    tmp_path: Path, allows_old: bool
) -> None:
    authority = Authority()
    file = authority.write(tmp_path / "https.pem")
    async with running(tmp_path, authority, file, allows_old=allows_old) as secure:
        asking = secure.get(
            FILE, f"User-Agent: {AGENT}", "Connection: close", context=_old_client(authority)
        )
        if allows_old:
            assert (await asking).status == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asking
        assert (await secure.phone()).status == 200


async def test_certificate_of_its_own_key_file(tmp_path: Path) -> None:
    authority = Authority()
    pem, key = authority.issue()
    (tmp_path / "a.pem").write_bytes(pem)
    (tmp_path / "a.key").write_bytes(key_pem(key))
    assert Certificate(tmp_path / "a.pem", tmp_path / "a.key", HTTPS).load() is None
    problem = Certificate(tmp_path / "a.pem", None, HTTPS).load()
    assert problem is not None
    assert problem.key == "server.tls_key"


async def test_probe_looks_at_the_certificate_of_https(secure: Secure) -> None:
    """The address in the phones' URL is in the certificate; its authority is one of our own."""
    found = {report.probe: report for report in await secure.pbx.probes.run()}
    shown = found["https-certificate"]
    assert f"HTTPS at 127.0.0.1:{secure.http.https_port}" in shown.what
    told = {item.code: item for item in shown.findings}
    assert set(told) == {"P909"}
    assert told["P909"].subject == "server.tls_certificate"
    assert "server.tls_certificate" in "\n".join(told["P909"].steps)
    verdict = await secure.pbx.diagnose.findings(PHONE)  # it never fetched a file
    assert "P909" in {item.code for item in verdict if item.subject == PHONE.colons}
    assert (await secure.phone()).status == 200
    verdict = await secure.pbx.diagnose.findings(PHONE)
    assert "P909" not in {item.code for item in verdict}


async def test_renewed_file_that_cannot_be_used_is_told_by_the_probe(secure: Secure) -> None:
    secure.file.write_bytes(secure.file.read_bytes().partition(b"-----BEGIN PRIVATE")[0])
    found = {report.probe: report for report in await secure.pbx.probes.run()}
    told = {item.code: item for item in found["https-certificate"].findings}
    assert "server.tls_key" in told["P906"].message
