"""A request that comes again in the same bytes gets the same as by the usual way."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.ports import AttemptQuery
from offhook.core.mac import Mac
from offhook.core.model import Attempt
from tests.integration.running import Running, running_pbx
from tests.integration.wire import parse

PHONE = Mac(0x001565123456)
AGENT = b"User-Agent: Yealink SIP-T46S 66.85.0.15"
FILE = b"/provision/001565123456.cfg"
_DATE = re.compile(rb"date: [^\r]+\r\n")


@pytest_asyncio.fixture
async def running(tmp_path: Any) -> Any:
    """One PBX with one device."""
    async with running_pbx(tmp_path) as found:
        await add_device(found)
        yield found


async def add_device(running: Running) -> None:
    """Register a phone with its extension."""
    parts = running.services
    await parts.extensions.add_extension("test", number="1001", name="John Smith")
    lines = [LineSpec(extension="1001")]
    spec = DeviceSpec(mac_address=PHONE.plain, vendor="yealink", model="t46s", lines=lines)
    await parts.devices.put_device("test", spec)


def head(
    *lines: bytes, method: bytes = b"GET", target: bytes = FILE, http: bytes = b"1.1"
) -> bytes:
    """A request without a body."""
    first = method + b" " + target + b" HTTP/" + http
    return b"\r\n".join([first, b"Host: 127.0.0.1", *lines, b"", b""])


async def told(port: int, data: bytes, *, is_split: bool = False) -> bytes:
    """Send one request on a connection of its own; the answer without its date.

    One that comes in two pieces is always uvicorn's.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        has_body = not data.startswith(b"HEAD")
        if is_split:
            writer.write(data[:5])
            await asyncio.sleep(0.01)
            data = data[5:]
        writer.write(data)
        async with asyncio.timeout(20):
            return await answer_of(reader, has_body=has_body)
    finally:
        writer.close()
        await writer.wait_closed()


async def answer_of(reader: asyncio.StreamReader, *, has_body: bool = True) -> bytes:
    """Read one answer by its length; without its date."""
    begin = await reader.readuntil(b"\r\n\r\n")
    found = parse(begin)
    if found.status == 100:
        return begin + await answer_of(reader, has_body=has_body)
    size = int(found.fields.get("content-length", "0")) if has_body else 0
    return _DATE.sub(b"", begin) + await reader.readexactly(size)


async def newest(running: Running, number: int) -> list[dict[str, Any]]:
    """The last attempts, newest first, without what is another in each."""
    _, found = await running.services.journal.attempts(AttemptQuery(limit=number))
    return [plain(attempt) for attempt in found]


def plain(attempt: Attempt) -> dict[str, Any]:
    """An attempt without what differs between equal requests."""
    return {key: it for key, it in asdict(attempt).items() if key not in ("request_id", "at")}


def known(running: Running) -> dict[bytes, Any]:
    """What is answered without the usual way."""
    return running.http.app.front.known  # type: ignore[attr-defined,no-any-return] # only of Web


async def test_known_request_is_answered_and_recorded_alike(running: Running) -> None:
    data = head(AGENT, b"Connection: close")
    first = await told(running.http.port, data)
    assert data in known(running)
    seen = running.services.state.sightings[PHONE]
    again = await told(running.http.port, data)
    assert first == again
    assert parse(again).status == 200
    one, other = await newest(running, 2)
    assert one == other
    async with asyncio.timeout(10):  # what follows from equal requests is gathered for a moment
        while running.services.state.sightings[PHONE] is seen:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.005)
    after = running.services.state.sightings[PHONE]
    assert after.last_contact > seen.last_contact  # type: ignore[operator] # both were seen
    assert after.last_provisioned == after.last_contact
    assert after.delivered == seen.delivered


async def test_each_known_request_has_an_id_of_its_own(running: Running) -> None:
    data = head(AGENT, b"Connection: close")
    for _ in range(5):
        await told(running.http.port, data)
    total, found = await running.services.journal.attempts(AttemptQuery(limit=10))
    assert total == 5
    assert len({attempt.request_id for attempt in found}) == 5


@pytest.mark.parametrize("what", ["name", "secret", "device", "settings", "deleted"])
async def test_change_is_in_the_next_answer(running: Running, what: str) -> None:
    data = head(AGENT, b"Connection: close")
    before = [await told(running.http.port, data) for _ in range(2)]
    assert before[0] == before[1]
    parts = running.services
    if what in ("name", "secret"):
        change = {"name": "Jane Doe"} if what == "name" else {"secret": "another-secret-1"}
        await parts.extensions.change_extension("test", "1001", **change)  # type: ignore[arg-type] # texts
    elif what == "device":
        lines = [LineSpec(extension="1001", label="Front desk")]
        spec = DeviceSpec(mac_address=PHONE.plain, vendor="yealink", model="t46s", lines=lines)
        await parts.devices.put_device("test", spec)
    elif what == "settings":
        scope = parts.free_settings.scope("yealink")
        await parts.free_settings.change_settings("test", scope, {"voice.vad": "1"})
    else:
        await parts.devices.delete_device("test", PHONE.plain)
    after = await told(running.http.port, data)
    assert after != before[0]
    assert parse(after).status == (404 if what == "deleted" else 200)


async def test_connection_is_kept_between_known_and_other_requests(running: Running) -> None:
    kept, other = head(AGENT), head(AGENT, target=b"/provision/y000000000066.cfg")
    single = [await told(running.http.port, data) for data in (kept, other, kept)]
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    for data, wanted in zip((kept, kept, other, kept), (single[0], *single), strict=True):
        writer.write(data)
        assert await answer_of(reader) == wanted
    writer.close()
    await writer.wait_closed()


async def test_known_requests_in_one_piece_are_all_answered(running: Running) -> None:
    data = head(AGENT)
    one = await told(running.http.port, data)
    assert data in known(running)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    writer.write(data * 3)
    assert [await answer_of(reader) for _ in range(3)] == [one] * 3
    writer.close()
    await writer.wait_closed()


async def test_known_request_in_two_pieces_is_answered(running: Running) -> None:
    data = head(AGENT, b"Connection: close")
    one = await told(running.http.port, data)
    reader, writer = await asyncio.open_connection("127.0.0.1", running.http.port)
    writer.write(data[:20])
    await writer.drain()
    await told(running.http.port, data)  # the server has seen the first piece by now
    writer.write(data[20:])
    assert await answer_of(reader) == one
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "line",
    [b"Authorization: Basic eDp5", b"X-Offhook-Test: 1", b"Host: pbx.example.org"],
    ids=["credentials", "test", "host"],
)
async def test_what_has_more_to_tell_takes_the_usual_way(running: Running, line: bytes) -> None:
    data = b"\r\n".join([b"GET " + FILE + b" HTTP/1.1", line, AGENT, b"", b""])
    first, again = [await told(running.http.port, data) for _ in range(2)]
    assert first == again
    assert data not in known(running)


NAMES = st.sampled_from(
    b"User-Agent If-None-Match Connection Accept X-Forwarded-For Expect Host Cookie Range".split()
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(b"close", b"keep-alive", b"*", b"0", b"100-continue", b"10.1.2.3", b"127.0.0.1"),
            *(b"ETAG", b'W/ETAG, "x"', AGENT.partition(b": ")[2], b"Polycom/5.9 (SoundPoint)"),
        ]
    ),
    st.binary(max_size=12).map(lambda data: bytes(it for it in data if it > 31 and it != 127)),
)
HEADS = st.tuples(
    st.sampled_from([b"GET", b"HEAD", b"GET", b"POST"]),
    st.sampled_from([FILE, FILE, b"/provision//00-15-65-12-34-56.cfg?a=1", b"/provision/x.cfg"]),
    st.sampled_from([b"1.1", b"1.1", b"1.0"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Running]]:
    """One PBX for many examples, with its loop."""
    with asyncio.Runner() as runner:
        context = running_pbx(tmp_path_factory.mktemp("pbx"))
        found = runner.run(context.__aenter__())
        runner.run(add_device(found))
        yield runner, found
        runner.run(context.__aexit__(None, None, None))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(asked=HEADS)
def test_any_request_gets_the_same_again(
    server: tuple[asyncio.Runner, Running], asked: tuple[bytes, bytes, bytes, list[Any]]
) -> None:
    runner, running = server
    method, target, http, lines = asked

    async def compare() -> None:
        usual = parse(await told(running.http.port, head(AGENT)))
        etag = usual.fields["etag"].encode()
        texts = [name + b": " + value.replace(b"ETAG", etag) for name, value in lines]
        data = head(*texts, method=method, target=target, http=http)
        known(running).clear()
        by_uvicorn = await told(running.http.port, data, is_split=True)
        by_uvicorn_record = await newest(running, 1)
        first = await told(running.http.port, data)
        assert first == by_uvicorn
        assert await newest(running, 1) == by_uvicorn_record
        before, _ = await running.services.journal.attempts(AttemptQuery(limit=1))
        record = await newest(running, 1)
        again = await told(running.http.port, data)
        after, _ = await running.services.journal.attempts(AttemptQuery(limit=1))
        assert again == first
        if after > before:
            assert await newest(running, 1) == record

    runner.run(compare())
