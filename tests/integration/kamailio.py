"""A real Kamailio on loopback, started from the configuration that Offhook makes."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.request import Request, urlopen

from offhook.engines.kamailio_config import Cluster, Node, TlsFiles, render_kamailio
from offhook.sip.digest import answer_challenge
from offhook.sip.message import Response
from offhook.sip.parse import parse_datagram
from tests.integration.phones import ForeignPhone


def free_ports(count: int) -> list[int]:
    """Ports free for UDP and TCP now; Kamailio takes no port 0."""
    found: list[tuple[socket.socket, socket.socket]] = []
    try:
        while len(found) < count:
            tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                tcp.close()
                udp.close()
            else:
                found.append((tcp, udp))
        return [int(tcp.getsockname()[1]) for tcp, _ in found]
    finally:
        for pair in found:
            for one in pair:
                one.close()


def make_cluster(
    database: str,
    *,
    nodes: int = 1,
    realm: str = "offhook",
    is_sha256: bool = False,
    tls: tuple[Path, Path] | None = None,
) -> Cluster:
    """Nodes on free ports of loopback."""
    ports = free_ports(3 * nodes + 1)
    places = [f"127.0.0.1:{port}" for port in ports]
    return Cluster(
        nodes=tuple(
            Node(
                number=index + 1,
                sip=places[3 * index],
                rpc=places[3 * index + 1],
                events=places[3 * index + 2],
            )
            for index in range(nodes)
        ),
        database=database,
        realm=realm,
        is_sha256=is_sha256,
        min_expires_s=10,
        nonce_secret="shared by the nodes" if nodes > 1 else "",
        tls=TlsFiles(listen=places[-1], certificate=tls[0], key=tls[1]) if tls else None,
    )


def write_config(cluster: Cluster, number: int, directory: Path) -> Path:
    """Put a node's configuration into a directory of its own."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "kamailio.cfg"
    config.write_text(render_kamailio(cluster, number))
    return config


class Kamailio(ForeignPhone):
    """One node as a process in the foreground; `log` is what it prints."""

    def __init__(self, cluster: Cluster, number: int = 1) -> None:
        super().__init__()
        self.cluster = cluster
        self.node: Node = cluster.nodes[number - 1]

    @property
    def port(self) -> int:
        """The SIP port, UDP and TCP."""
        return int(self.node.sip.rpartition(":")[2])

    async def start(self, directory: Path) -> None:
        """Write its configuration, start it and wait until it answers."""
        await self.start_with(write_config(self.cluster, self.node.number, directory))

    async def start_with(self, config: Path) -> None:
        """Start it with a configuration that is there, and wait until it answers."""
        directory = config.parent
        await self.run(
            *("kamailio", "-f", str(config), "-DD", "-E", "-m", "32", "-M", "8"),
            *("-w", str(directory), "-Y", str(directory), "-P", str(directory / "pid")),
            directory=directory,
        )
        await self._answers()

    async def _answers(self) -> None:
        """It listens only after all its processes are there; nothing it prints tells when."""
        events = self.node.events.rpartition(":")
        async with asyncio.timeout(15.0):
            while True:
                assert self.is_running(), self.log
                try:
                    await self.rpc("core.uptime")
                    _, writer = await asyncio.open_connection(events[0], int(events[2]))
                except OSError:
                    await asyncio.sleep(0.02)
                    continue
                writer.close()
                await writer.wait_closed()
                return

    async def knows(self, text: str) -> None:
        """Wait until a contact with this text is here: DMQ tells nobody when it has come."""
        async with asyncio.timeout(15.0):
            while text not in str(await self.rpc("ul.dump")):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    def is_running(self) -> bool:
        """Say whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def rpc(self, method: str, *params: object) -> object:
        """Ask by JSON-RPC; gives the result. Raises OSError."""
        return await asyncio.to_thread(self._rpc, method, params)

    def _rpc(self, method: str, params: Iterable[object]) -> object:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        request = Request(f"http://{self.node.rpc}/RPC", json.dumps(asked).encode())
        with urlopen(request, timeout=5.0) as answer:
            return json.load(answer)["result"]


class Stranger:
    """A UDP socket that asks and looks at the answers; `heard` is the last one as it came."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.setblocking(False)
        self.own_port = int(self._socket.getsockname()[1])
        self._asked = 0
        self.heard = b""

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    async def ask(
        self,
        method: str,
        to: str,
        *,
        caller: str = "",
        answer: str = "",
        tag: str = "",
        more: str = "",
    ) -> Response:
        """Send one request and give its first final answer. `answer` is an Authorization value."""
        self._asked += 1
        name = "Authorization" if method == "REGISTER" else "Proxy-Authorization"
        uri = "sip:127.0.0.1" if method == "REGISTER" else f"sip:{to}@127.0.0.1"
        place = f"127.0.0.1:{self.own_port}"
        text = (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{self.own_port}x{self._asked};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{caller or to}@127.0.0.1>;tag=t{self._asked}\r\n"
            f"To: <sip:{to}@127.0.0.1>{tag and f';tag={tag}'}\r\n"
            f"Call-ID: c{self._asked}-{self.own_port}\r\n"
            f"CSeq: {self._asked} {method}\r\nContact: <sip:{to}@{place}>\r\n"
            f"{f'{name}: {answer}' + chr(13) + chr(10) if answer else ''}{more}"
            "Content-Length: 0\r\n\r\n"
        )
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(self._socket, text.encode())
        async with asyncio.timeout(10.0):
            while True:
                self.heard = await loop.sock_recv(self._socket, 65_536)
                found = parse_datagram(self.heard)
                if not isinstance(found, Response) or found.status < 200:
                    continue
                if found.headers.first("cseq") == f"{self._asked} {method}":
                    return found

    def options_over(self, transport: str) -> bytes:
        """Make an OPTIONS to the server itself, for a stream."""
        return (
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/{transport} 127.0.0.1:{self.own_port};branch=z9hG4bKoptions;rport\r\n"
            "Max-Forwards: 70\r\nFrom: <sip:x@127.0.0.1>;tag=t\r\nTo: <sip:127.0.0.1>\r\n"
            f"Call-ID: options-{self.own_port}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    async def sign_in(
        self, method: str, to: str, user: str, secret: str, *, caller: str = ""
    ) -> Response:
        """Ask, answer the challenge, give what came then."""
        challenged = await self.ask(method, to, caller=caller)
        gate = "www-authenticate" if method == "REGISTER" else "proxy-authenticate"
        answer = answer_challenge(
            challenged.headers.all(gate),
            username=user,
            secret=secret,
            method=method,
            uri="sip:127.0.0.1" if method == "REGISTER" else f"sip:{to}@127.0.0.1",
            cnonce="c0ffee",
        )
        assert answer, challenged
        return await self.ask(method, to, caller=caller, answer=answer)


class EventTap:
    """A client of the event channel that keeps what it heard."""

    def __init__(self) -> None:
        self.heard: list[dict[str, object]] = []
        self._more = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, place: str) -> None:
        """Connect, and wait until Kamailio knows us."""
        host, _, port = place.rpartition(":")
        reader, self._writer = await asyncio.open_connection(host, int(port))
        self._reading = asyncio.ensure_future(self._read(reader))
        self.send({"cmd": "ping"})
        await self.said("pong")

    def send(self, command: dict[str, object]) -> None:
        """Send a command."""
        assert self._writer is not None
        data = json.dumps(command).encode()
        self._writer.write(b"%d:%s," % (len(data), data))

    async def said(self, name: str, **fields: object) -> dict[str, object]:
        """Wait for an event by name and fields."""
        async with asyncio.timeout(15.0):
            while True:
                for event in self.heard:
                    if {**event, **fields, "event": name} == event:
                        return event
                self._more.clear()
                await self._more.wait()

    async def close(self) -> None:
        """Disconnect."""
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while True:
            size = int((await reader.readuntil(b":"))[:-1])
            self.heard.append(json.loads((await reader.readexactly(size + 1))[:-1]))
            self._more.set()
