"""Kamailio itself takes what we make: registering, calling, and what strangers learn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from offhook.core.secret import Secret
from offhook.engines.kamailio_config import Cluster, database_url, render_kamailio
from offhook.engines.kamailio_credentials import KamailioCredentials
from tests.integration.kamailio import EventTap, Kamailio, Stranger, free_ports, make_cluster
from tests.integration.phones import sipp
from tests.store_records import BACKENDS, fresh_url

pytestmark = pytest.mark.needs("kamailio", "sipp")

# Its TCP process calls it critical that the others end before it.
_FAULTS = re.compile(r"ERROR|BUG|CRITICAL(?!.*receive_fd\(\): EOF)")


class Exchange:
    """A Kamailio with its subscribers and an ear on its events."""

    def __init__(self, folder: Path, nodes: int = 1) -> None:
        self.secrets = {number: Secret(f"secret{number}") for number in ("1001", "1002", "1003")}
        url = f"sqlite:///{folder / 'db'}"
        self.credentials = KamailioCredentials(
            database_url(url), realm="offhook", secrets=lambda: self.secrets
        )
        self.kamailio = Kamailio(make_cluster(url))
        self.tap = EventTap()
        self.folder = folder

    @property
    def port(self) -> int:
        return self.kamailio.port

    async def register(self, scenario: str, extension: str, secret: str, **keys: object) -> None:
        """Run a SIPp phone; its scenario says what must be answered."""
        name = f"{scenario}-{extension}-{len(list(self.folder.iterdir()))}"
        (self.folder / name).mkdir()
        phone = await sipp(
            scenario,
            self.port,
            self.folder / name,
            extension=extension,
            secret=secret,
            keys={"expires": "300", "contact_port": "7001"} | {k: str(v) for k, v in keys.items()},
        )
        assert await phone.ended() == 0, phone.log


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    room = Exchange(tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(room.credentials.stop)
        await room.credentials.start()
        stack.push_async_callback(room.kamailio.stop)
        await room.kamailio.start(tmp_path / "kamailio")
        stack.push_async_callback(room.tap.close)
        await room.tap.open(room.kamailio.node.events)
        yield room
        assert not re.search(_FAULTS, room.kamailio.log), room.kamailio.log


async def test_a_phone_with_its_secret_registers_and_is_told_of(exchange: Exchange) -> None:
    await exchange.register("register", "1001", "secret1001")
    told = await exchange.tap.said("registered", aor="1001")
    assert str(told["source"]).startswith("udp:127.0.0.1:")
    assert told["expires"]
    assert told["mac"] == "00:15:65:12:34:56"


async def test_a_wrong_secret_is_refused_and_told_of(exchange: Exchange) -> None:
    await exchange.register("register_wrong", "1001", "guess")
    told = await exchange.tap.said("auth-failed")
    assert (told["reason"], told["user"]) == ("wrong_digest", "1001")


async def test_an_unknown_extension_looks_like_a_wrong_secret(exchange: Exchange) -> None:
    await exchange.register("register_wrong", "4711", "guess")
    told = await exchange.tap.said("auth-failed")
    assert (told["reason"], told["user"]) == ("unknown_user", "4711")


async def test_a_new_secret_is_in_force_when_the_change_is_settled(exchange: Exchange) -> None:
    exchange.secrets["1001"] = Secret("another")
    exchange.credentials.mark(["1001"])
    await exchange.credentials.wait_settled()
    await exchange.register("register_wrong", "1001", "secret1001")
    await exchange.register("register", "1001", "another")


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_twenty_calls_between_two_extensions(
    exchange: Exchange, tmp_path: Path, transport: str
) -> None:
    (port,) = free_ports(1)
    for folder in ("registering", "callee", "caller"):
        (tmp_path / folder).mkdir()
    registering = await sipp(
        "register",
        exchange.port,
        tmp_path / "registering",
        transport=transport,
        extension="1002",
        secret="secret1002",
        keys={"expires": "300", "contact_port": str(port)},
        local_port=port,
    )
    assert await registering.ended() == 0, registering.log
    callee = await sipp(
        "call_callee",
        exchange.port,
        tmp_path / "callee",
        transport=transport,
        local_port=port,
        calls=20,
    )
    caller = await sipp(
        "call_caller",
        exchange.port,
        tmp_path / "caller",
        transport=transport,
        keys={"callee": "1002"},
        calls=20,
    )
    try:
        assert await caller.ended() == 0, caller.log
        assert await callee.ended() == 0, callee.log
    finally:
        await caller.stop()
        await callee.stop()
    told = await exchange.tap.said("call-ended", caller="1001", callee="1002")
    assert told["callid"]


@pytest.fixture
def stranger(exchange: Exchange) -> Iterator[Stranger]:
    one = Stranger(exchange.port)
    yield one
    one.close()


async def test_nobody_registers_another_extension(exchange: Exchange, stranger: Stranger) -> None:
    assert (await stranger.sign_in("REGISTER", "1002", "1001", "secret1001")).status == 403
    told = await exchange.tap.said("auth-failed")
    assert (told["reason"], told["user"], told["aor"]) == ("wrong_user", "1001", "1002")


async def test_nobody_calls_in_the_name_of_another(exchange: Exchange, stranger: Stranger) -> None:
    asked = await stranger.sign_in("INVITE", "1002", "1001", "secret1001", caller="1003")
    assert asked.status == 403


@pytest.mark.parametrize("method", ["REGISTER", "INVITE", "OPTIONS", "MESSAGE"])
async def test_known_and_unknown_extensions_answer_alike(stranger: Stranger, method: str) -> None:
    looks = []
    for extension in ("1001", "4711"):
        answer = await stranger.ask(method, extension)
        assert answer.status == (401 if method == "REGISTER" else 407)
        lines = stranger.heard.replace(extension.encode(), b"*").splitlines()
        looks.append([(line.partition(b":")[0], len(line)) for line in lines])
    assert looks[0] == looks[1]


@pytest.mark.parametrize(("to", "status"), [("1003", 480), ("4711", 404)])
async def test_a_call_to_nobody_says_so(stranger: Stranger, to: str, status: int) -> None:
    asked = await stranger.sign_in("INVITE", to, "1001", "secret1001", caller="1001")
    assert asked.status == status


@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE", "NOTIFY", "SUBSCRIBE"])
async def test_a_made_up_dialog_leads_nowhere(
    exchange: Exchange, stranger: Stranger, method: str
) -> None:
    route = f"Route: <sip:{exchange.kamailio.node.sip};lr>\r\n"
    for more in ("", route):
        assert (await stranger.ask(method, "1001", tag="x", more=more)).status in (481, 489)


async def test_a_guesser_is_barred_and_the_phone_beside_it_is_not(
    exchange: Exchange, stranger: Stranger
) -> None:
    phone = Stranger(exchange.port)
    try:
        assert (await phone.sign_in("REGISTER", "1001", "1001", "secret1001")).status == 200
        tries = [
            (await stranger.sign_in("REGISTER", "1001", "1001", f"guess{n}")).status
            for n in range(23)
        ]
        assert tries == [401] * 21 + [403] * 2
        right = await stranger.sign_in("REGISTER", "1001", "1001", "secret1001")
        assert right.status == 403
        assert (await phone.sign_in("REGISTER", "1001", "1001", "secret1001")).status == 200
    finally:
        phone.close()


async def test_a_notify_is_sent_on_command_and_its_answer_told(exchange: Exchange) -> None:
    (port,) = free_ports(1)
    folder = exchange.folder / "notified"
    folder.mkdir()
    phone = await sipp("notify_accept", exchange.port, folder, local_port=port)
    exchange.tap.send(
        {
            "cmd": "notify",
            "id": "job-1",
            "ruri": f"sip:1001@127.0.0.1:{port}",
            "to": "sip:1001@127.0.0.1",
            "event": "check-sync;reboot=true",
        }
    )
    told = await exchange.tap.said("notify-reply", id="job-1")
    assert (told["code"], told["local"]) == (200, 1)
    assert await phone.ended() == 0, phone.log


async def test_a_phone_with_a_new_contact_after_each_boot_is_never_shut_out(
    exchange: Exchange,
) -> None:
    ports = []
    for _ in range(7):
        phone = Stranger(exchange.port)
        ports.append(phone.own_port)
        answer = await phone.sign_in("REGISTER", "1001", "1001", "secret1001")
        phone.close()
        assert answer.status == 200
    contacts = answer.headers.all("contact")
    assert len(contacts) == 1
    assert contacts[0].count("sip:1001@") == exchange.kamailio.cluster.max_contacts
    assert str(ports[-1]) in contacts[0]
    await exchange.tap.said("expired", aor="1001", contact=f"sip:1001@127.0.0.1:{ports[0]}")


async def test_contacts_outlive_a_restart(exchange: Exchange, stranger: Stranger) -> None:
    assert (await stranger.sign_in("REGISTER", "1001", "1001", "secret1001")).status == 200
    await exchange.kamailio.stop()
    again = Kamailio(exchange.kamailio.cluster)
    try:
        await again.start(exchange.folder / "again")
        assert str(stranger.own_port) in str(await again.rpc("ul.lookup", "location", "1001"))
    finally:
        await again.stop()


@pytest.mark.parametrize("backend", BACKENDS)
async def test_two_nodes_share_what_phones_registered(
    request: pytest.FixtureRequest, tmp_path: Path, backend: str
) -> None:
    with fresh_url(request, backend, tmp_path) as url:
        credentials = KamailioCredentials(
            database_url(url), realm="offhook", secrets=lambda: {"1001": Secret("secret1001")}
        )
        cluster = make_cluster(url, nodes=2)
        nodes = [Kamailio(cluster, number) for number in (1, 2)]
        phone = Stranger(nodes[0].port)
        try:
            await credentials.start()
            for node in nodes:
                await node.start(tmp_path / f"node{node.node.number}")
            assert (await phone.sign_in("REGISTER", "1001", "1001", "secret1001")).status == 200
            await nodes[1].knows("1001")
        finally:
            phone.close()
            for node in nodes:
                await node.stop()
            await credentials.stop()


@pytest.mark.needs("openssl")
async def test_tls_and_sha256_are_spoken(tmp_path: Path) -> None:
    files = _certificate(tmp_path)
    url = f"sqlite:///{tmp_path / 'db'}"
    credentials = KamailioCredentials(
        database_url(url), realm="offhook", secrets=lambda: {"1001": Secret("secret1001")}
    )
    cluster = make_cluster(url, is_sha256=True, tls=files)
    kamailio = Kamailio(cluster)
    phone = Stranger(kamailio.port)
    try:
        await credentials.start()
        await kamailio.start(tmp_path / "kamailio")
        assert (await phone.sign_in("REGISTER", "1001", "1001", "secret1001")).status == 200
        assert cluster.tls is not None
        host, _, port = cluster.tls.listen.rpartition(":")
        context = ssl.create_default_context(cafile=files[0])
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        writer.write(phone.options_over("TLS"))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200 OK")
        writer.transport.abort()
    finally:
        phone.close()
        await kamailio.stop()
        await credentials.stop()


def _certificate(folder: Path) -> tuple[Path, Path]:
    files = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=pbx"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-out", str(files[0]), "-keyout", str(files[1])),
        ],
        capture_output=True,
        check=True,
    )
    return files


def _variants(folder: Path) -> dict[str, Cluster]:
    sqlite, postgres = f"sqlite:///{folder}", "postgresql://kam:pw@127.0.0.1/pbx"
    return {
        "one": make_cluster(sqlite, realm="a $realm"),
        "two": make_cluster(postgres, nodes=2),
        "three": make_cluster(postgres, nodes=3, is_sha256=True),
        "tls": make_cluster(sqlite, tls=(folder / "cert.pem", folder / "key.pem")),
    }


@pytest.mark.parametrize("name", ["one", "two", "three", "tls"])
def test_kamailio_finds_no_fault_in_it(tmp_path: Path, name: str) -> None:
    config = tmp_path / "kamailio.cfg"
    config.write_text(render_kamailio(_variants(tmp_path)[name]))
    checked = subprocess.run(
        ["kamailio", "-c", "-f", str(config), "-Y", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert checked.returncode == 0, checked.stderr
    assert not re.search("ERROR|CRITICAL", checked.stderr), checked.stderr


def _offhook(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("offhook")), "engine", "kamailio-config", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
    )


def test_the_command_writes_a_file_and_databases_that_kamailio_takes(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("sip: {engine: kamailio, realm: office}\n")
    made = _offhook(tmp_path, "--output", "kamailio.cfg")
    assert made.returncode == 0, made.stderr
    file = tmp_path / "kamailio.cfg"
    assert file.stat().st_mode & 0o777 == 0o600
    assert {item.name for item in (tmp_path / "data" / "kamailio").iterdir()} >= {
        "location.sqlite",
        "subscriber.sqlite",
    }
    assert _offhook(tmp_path).stdout == file.read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--node", "2"), "no node 2"),
        (("--config", "nothing.yml"), "nothing.yml"),
        (("--output", "no/folder/kamailio.cfg"), "no/folder"),
    ],
)
def test_the_command_says_what_it_cannot_do(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    made = _offhook(tmp_path, *words)
    assert made.returncode == 2
    assert told in made.stderr
    assert "Traceback" not in made.stderr
