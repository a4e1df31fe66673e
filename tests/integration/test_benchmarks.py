"""The benchmark itself: its generator sees what is wrong, and a tiny run loses nothing."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.generator import Asked, Generator, Loaded, compile_generator, write_requests
from benchmarks.light_phones import answer_to
from benchmarks.report import page_text, replaced_between
from benchmarks.rows import ROWS
from benchmarks.run import TINY, run_rows

from offhook.sip.message import Response
from offhook.sip.parse import parse_datagram

pytestmark = pytest.mark.needs("cc", "taskset")

RIGHT = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Generator:
    return compile_generator(tmp_path_factory.mktemp("load"))


async def loaded_on(
    generator: Generator,
    folder: Path,
    answer: Callable[[bytes], bytes],
    *,
    is_closed: bool = True,
    **how: float | bool,
) -> Loaded:
    """Load a server that answers each request with some bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(answer(head))
                await writer.drain()
                if is_closed:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    asked = [
        Asked(head=f"GET /{name} HTTP/1.1\r\n\r\n".encode(), body=b"hello") for name in "abcde"
    ]
    file = write_requests(folder / "requests", asked)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        return await asyncio.to_thread(generator.run, port, file, width=4, **how)


async def test_asks_each_once_in_order(generator: Generator, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def answer(head: bytes) -> bytes:
        seen.append(head)
        return RIGHT

    found = await loaded_on(generator, tmp_path, answer, is_in_order=True)
    assert (found.answers, found.lost, found.status) == (5, 0, {"200": 5})
    assert sorted(head[5:6] for head in seen) == [b"a", b"b", b"c", b"d", b"e"]


async def test_counts_as_many_as_the_server_answered(generator: Generator, tmp_path: Path) -> None:
    answered = 0

    def answer(_head: bytes) -> bytes:
        nonlocal answered
        answered += 1
        return RIGHT

    found = await loaded_on(generator, tmp_path, answer, seconds=0.2)
    assert found.answers == answered > 0
    assert found.lost == 0


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(RIGHT.replace(b"200 OK", b"500 No"), id="another status"),
        pytest.param(RIGHT.replace(b"hello", b"hallo"), id="another byte"),
        pytest.param(RIGHT.replace(b"5\r\n", b"4\r\n"), id="a shorter body, and more behind it"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", id="no length"),
        pytest.param(RIGHT + b"!", id="bytes behind the answer"),
        pytest.param(b"rubbish\r\n\r\n", id="no HTTP"),
    ],
)
async def test_sees_a_wrong_answer(generator: Generator, tmp_path: Path, answer: bytes) -> None:
    found = await loaded_on(generator, tmp_path, lambda _head: answer, count=3)
    assert found.wrong >= 3
    assert found.lost >= 3


@pytest.mark.parametrize("answer", [b"", RIGHT[:30], RIGHT[:-1]])
async def test_sees_an_answer_that_breaks_off(
    generator: Generator, tmp_path: Path, answer: bytes
) -> None:
    found = await loaded_on(generator, tmp_path, lambda _head: answer, count=3)
    assert (found.answers, found.broken) == (0, 3)


async def test_keeps_connections(generator: Generator, tmp_path: Path) -> None:
    found = await loaded_on(
        generator, tmp_path, lambda _head: RIGHT, is_closed=False, count=50, is_kept=True
    )
    assert (found.answers, found.lost) == (50, 0)


async def test_keeps_to_a_rate(generator: Generator, tmp_path: Path) -> None:
    found = await loaded_on(generator, tmp_path, lambda _head: RIGHT, seconds=0.5, rate=100)
    assert (found.answers, found.lost) == (50, 0)


def test_light_phones_answer_as_phones_do() -> None:
    request = (
        b"NOTIFY sip:1001@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx\r\n"
        b"From: <sip:pbx@127.0.0.1>;tag=a\r\nTo: <sip:1001@127.0.0.1>\r\nCall-ID: c\r\n"
        b"CSeq: 7 NOTIFY\r\nEvent: check-sync\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    answer = parse_datagram(answer_to(request))
    assert isinstance(answer, Response)
    assert answer.status == 200
    assert answer.headers.first("cseq") == "7 NOTIFY"
    assert ";tag=" in str(answer.headers.first("to"))


@pytest.mark.needs("nginx")
def test_a_tiny_run_measures_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.rounds.DEFERRED_S", 0)
    size = replace(TINY, seconds=0.1)
    chosen = {name: ROWS[name] for name in ("fetch", "changes")}
    result = json.loads(json.dumps(run_rows(chosen, size, sys.executable)))
    rows = {row["name"]: row for row in result["rows"]}
    assert all(row["is_right"] for row in rows.values()), page_text(result)
    assert {"fetch.close", "fetch.keep", "fetch.first", "fetch.calm"} <= rows.keys()
    assert {"changes.one", "changes.thousand", "changes.template"} <= rows.keys()
    for name in ("fetch.journal", "changes.journal"):
        assert rows[name]["numbers"]["rows"] == rows[name]["numbers"]["answers"] > 0
    assert all(row["ratio"] > 0 for row in rows.values()), page_text(result)
    page = "a\n<!-- benchmark: begin -->\n<!-- benchmark: end -->\nb\n"
    assert "| `fetch.close` |" in replaced_between(page, "benchmark", page_text(result))
