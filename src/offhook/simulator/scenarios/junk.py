"""Strangers ask for what is not theirs and send what is no HTTP, beside phones that are known."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from offhook.core.mac import Mac
from offhook.core.vendor import first_code
from offhook.simulator.fleet import Fleet
from offhook.simulator.http_answer import FetchError
from offhook.simulator.http_link import HttpLink, Place
from offhook.simulator.probing import probing
from offhook.simulator.scenarios.booted import Booted
from offhook.simulator.wire import loopback_address
from offhook.tasks import spawn
from offhook.vendors import load_profiles

STRANGE_BLOCK = 0x02534A000000
"""Locally administered like those of simulated phones, and beside their block."""
SOURCES = 64
FIRST_SOURCE = 2**21
"""Addresses of strangers, far behind those of the phones: 127.96.0.1 and following."""
WORKERS = 16
TIMEOUT_S = 10.0
_PLACEHOLDERS = ("$mac.cfg", "{mac}.cfg", "$MA.cfg", "%7Bmac%7D.cfg", "$PN.cfg", "{MAC}.xml")
_BROKEN = (
    b"GARBAGE\r\n\r\n",
    b"GET /provision/\x00\x01.cfg HTTP/1.1\r\n\r\n",
    b"GET /provision/a.cfg HTTP/9.9\r\nHost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /provision/half.cfg HTT",
)


class JunkKind(StrEnum):
    """What strangers send."""

    UNKNOWN = "unknown"
    PLACEHOLDER = "placeholder"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class JunkPiece:
    """One try: a file asked as one of a maker's phones would, or bytes that are no request."""

    kind: JunkKind
    file: str = ""
    agent: str = ""
    data: bytes = b""


def junk_pieces(seed: int) -> Iterator[JunkPiece]:
    """Make junk without end, the same for a seed: half of it unknown MACs."""
    chance = random.Random(seed)  # noqa: S311 - junk need not be unguessable
    models = [(profile, model) for profile in load_profiles() for model in profile.models]
    while True:
        profile, model = chance.choice(models)
        mac = Mac(STRANGE_BLOCK + chance.randrange(1, 2**24))
        agent = profile.behaviour.agent.replace("{label}", model.label)
        agent = agent.replace("{mac}", mac.plain).replace("{mac_colons}", mac.colons.lower())
        draw = chance.random()
        if draw < 0.5:
            file = profile.main.replace("{mac}", mac.plain).replace("{code}", first_code(model))
            yield JunkPiece(kind=JunkKind.UNKNOWN, file=file, agent=agent)
        elif draw < 0.75:
            file = chance.choice(_PLACEHOLDERS)
            yield JunkPiece(kind=JunkKind.PLACEHOLDER, file=file, agent=agent)
        else:
            yield JunkPiece(kind=JunkKind.BROKEN, data=chance.choice(_BROKEN))


@dataclass(slots=True, kw_only=True)
class Junk(Booted):
    """Known phones ask `seconds` in quiet, then as long beside junk: `rate` a second, 0 for all
    that goes.

    Figures: `p99_ratio` is how much longer the slowest hundredth took beside junk.
    """

    seconds: float = 10.0
    rate: float = 0.0
    name: str = "junk"

    async def play(self, fleet: Fleet) -> None:
        """Measure in quiet, measure beside junk."""
        self.step = "quiet"
        async with probing(fleet.phones, "fetch_in_quiet"):
            await asyncio.sleep(self.seconds)
        self.part, self.step = 0.5, "beside junk"
        async with probing(fleet.phones, "fetch_beside_junk"), self._sending(fleet):
            await asyncio.sleep(self.seconds)
        self.part = 1.0
        quiet = fleet.record.spread("fetch_in_quiet").p99
        if quiet:
            self.figures["p99_ratio"] = fleet.record.spread("fetch_beside_junk").p99 / quiet

    @contextlib.asynccontextmanager
    async def _sending(self, fleet: Fleet) -> AsyncIterator[None]:
        tasks = [
            spawn(_send_on(fleet, worker, self.rate / WORKERS), "send junk")
            for worker in range(WORKERS)
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _send_on(fleet: Fleet, worker: int, rate: float) -> None:
    """Send junk, one piece after the other, from one stranger's address after the other."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    sources = _sources(fleet, worker)
    for done, piece in enumerate(junk_pieces(worker)):
        if rate:
            await asyncio.sleep(max(began + done / rate - loop.time(), 0))
        await _send(fleet, piece, sources[done % len(sources)])


def _sources(fleet: Fleet, worker: int) -> Sequence[str]:
    """Addresses of strangers, where the phones have addresses of their own as well."""
    if not fleet.has_addresses:
        return [""]
    return [loopback_address(FIRST_SOURCE + worker * SOURCES + index) for index in range(SOURCES)]


async def _send(fleet: Fleet, piece: JunkPiece, source: str) -> None:
    record = fleet.record
    record.happened("junk", asyncio.get_running_loop().time())
    if piece.kind is JunkKind.BROKEN:
        record.counts[f"junk_broken_{await _send_broken(fleet.place, piece.data, source)}"] += 1
        return
    headers = [("User-Agent", piece.agent), ("Accept", "*/*")]
    try:
        link = HttpLink(fleet.place, source=source)
        answer = await link.ask(fleet.place.path + piece.file, headers, timeout_s=TIMEOUT_S)
    except FetchError as error:
        record.counts[f"junk_{piece.kind}_without_answer"] += 1
        record.retry(f"junk: {error}", source, piece.file)
        return
    record.counts[f"junk_{piece.kind}_{answer.status}"] += 1
    if answer.status < 400 or answer.status == 500:
        record.fail(f"junk: {piece.kind} got HTTP {answer.status}", source, piece.file)


async def _send_broken(place: Place, data: bytes, source: str) -> str:
    """Send bytes; gives how the server took it."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection(
                place.address, place.port, local_addr=(source, 0) if source else None
            )
            try:
                writer.write(data)
                writer.write_eof()
                answer = await reader.read(65_536)
            finally:
                writer.transport.abort()
    except TimeoutError:
        return "kept_waiting"
    except OSError:
        return "cut_off"
    status = answer[9:12].decode("ascii", "replace")
    return status if status.isdigit() else "closed"
