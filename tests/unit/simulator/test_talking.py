"""Calls between simulated phones, without sockets: what one sends is what the other gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from offhook.simulator.account import SipAccount
from offhook.simulator.calling import Calling, Dialog
from offhook.simulator.exchange import Exchanges
from offhook.simulator.talking import Talking
from offhook.sip.message import Request, Response
from offhook.sip.parse import parse_datagram
from offhook.sip.via import top_via, write_via

HERE = ("127.0.0.1", 5060)
ACCOUNT = SipAccount(
    server="127.0.0.1",
    port=5060,
    extension="1001",
    auth_name="1001",
    secret="secret",
    user_agent="Acme",
    headers=(),
)


class Line:
    """A caller and a callee on one wire that can lose what the caller acknowledges."""

    def __init__(self, *, ring_s: float = 0.0) -> None:
        self.to_callee: list[str] = []
        self.to_caller: list[str] = []
        self.answered = asyncio.Event()
        self.loses_acks = False
        self.unacknowledged: list[bool] = []
        self.exchanges = Exchanges(lambda data, to: self.carry(data), 2.0)
        self.callee = Talking(
            send=lambda data, to: self.answer(data),
            contact=lambda: "sip:1002@127.0.0.2:5070",
            host="127.0.0.2",
            ring_s=ring_s,
            on_unacknowledged=lambda: self.unacknowledged.append(True),
        )

    def carry(self, data: bytes) -> None:
        request = parse_datagram(data)
        assert isinstance(request, Request), request
        self.to_callee.append(request.method)
        via = top_via(request.headers)
        assert via is not None
        if request.method != "ACK" or not self.loses_acks:
            self.callee.on_request(request, via, HERE)

    def answer(self, data: bytes) -> None:
        response = parse_datagram(data)
        assert isinstance(response, Response), response
        cseq = response.headers.first("cseq") or ""
        self.to_caller.append(f"{response.status} {cseq.split()[1]}")
        self.answered.set()
        asyncio.get_running_loop().call_soon(self.exchanges.on_response, response)

    async def until(self, is_reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not is_reached():
                self.answered.clear()
                await self.answered.wait()

    def call(self) -> Calling:
        branches = iter(range(100))
        return Calling(
            number="1002",
            account=ACCOUNT,
            contact="sip:1001@127.0.0.1:5070",
            host="127.0.0.1",
            via=lambda: write_via("UDP", "127.0.0.1", 5070, f"z9hG4bKa{next(branches)}"),
            acknowledge=lambda request: self.carry(request.emit()),
            on_ringing=lambda: self.to_caller.append("rings"),
        )


async def test_a_call_rings_is_answered_and_hung_up():
    line = Line()
    called = await line.call().run(line.exchanges, HERE, 0.0)
    assert called.is_good, called
    assert line.to_callee == ["INVITE", "ACK", "BYE"]
    assert line.to_caller == ["180 INVITE", "rings", "200 INVITE", "200 BYE"]
    assert not line.callee.is_busy


async def test_an_answer_is_repeated_until_it_is_acknowledged_and_each_is():
    line = Line()
    line.loses_acks = True
    calling = asyncio.ensure_future(line.call().run(line.exchanges, HERE, 0.7))
    await line.until(lambda: line.to_caller.count("200 INVITE") == 2)
    line.loses_acks = False
    called = await calling
    assert called.is_good
    assert line.to_callee.count("ACK") == line.to_caller.count("200 INVITE") == 2


async def test_who_talks_is_busy():
    line = Line()
    line.callee.is_calling = True
    called = await line.call().run(line.exchanges, HERE, 0.0)
    assert (called.step, called.status, called.reason) == ("INVITE", 486, "Busy Here")
    assert line.to_callee == ["INVITE", "ACK"]


async def test_a_call_may_be_cancelled_while_it_rings():
    line = Line(ring_s=60)
    calling = asyncio.ensure_future(line.call().run(line.exchanges, HERE, 0.0))
    await line.until(lambda: bool(line.to_caller))
    (waiting,) = line.exchanges._waiting.values()
    line.exchanges._act(waiting, waiting.transaction.cancel(asyncio.get_running_loop().time()))
    called = await calling
    assert (called.step, called.status) == ("INVITE", 487)
    assert line.to_callee == ["INVITE", "CANCEL", "ACK"]
    assert line.to_caller[-2:] == ["200 CANCEL", "487 INVITE"]
    assert not line.callee.is_busy
    line.exchanges.abandon()


async def test_to_hang_up_what_is_no_call_is_refused():
    line = Line()
    call = line.call()
    invite = call._invite()
    answer = Response(status=200, reason="OK", headers=invite.headers)
    bye = Dialog.of(invite, answer).request("BYE", 2, call.via())
    found = await line.exchanges.ask(bye, HERE)
    assert found is not None
    assert found.status == 481


async def test_the_way_back_is_the_recorded_route_in_reverse():
    text = (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nFrom: <sip:1@a>;tag=a\r\n"
        "To: <sip:2@a>;tag=b\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:2@127.0.0.2:5070>\r\n"
        "Record-Route: <sip:b;lr>, <sip:c;lr>\r\nRecord-Route: <sip:d;lr>\r\n"
        "Content-Length: 0\r\n\r\n"
    )
    answer = parse_datagram(text.encode())
    assert isinstance(answer, Response)
    bye = Dialog.of(Line().call()._invite(), answer).request("BYE", 2, "SIP/2.0/UDP a")
    assert bye.uri == "sip:2@127.0.0.2:5070"
    assert bye.headers.all("route") == ("<sip:d;lr>", "<sip:c;lr>", "<sip:b;lr>")
    assert (bye.headers.first("to") or "").endswith(";tag=b")


@pytest.mark.parametrize("is_right", [True, False])
async def test_a_challenge_is_answered_with_the_account(is_right):
    line = Line()
    challenge = (
        'Proxy-Authenticate: Digest realm="offhook", nonce="n", algorithm=MD5, qop="auth"\r\n'
        if is_right
        else 'Proxy-Authenticate: Bearer realm="offhook"\r\n'
    )
    deliver = line.carry

    def challenging(data: bytes) -> None:
        request = parse_datagram(data)
        assert isinstance(request, Request)
        if request.method != "INVITE" or request.headers.first("proxy-authorization"):
            deliver(data)
            return
        head = ("via", "from", "to", "call-id", "cseq")
        lines = [item for name in head for item in request.headers.lines_of(name)]
        answer = "\r\n".join(("SIP/2.0 407 No", *lines, f"{challenge}Content-Length: 0", "", ""))
        line.answer(answer.encode())

    line.carry = challenging
    called = await line.call().run(line.exchanges, HERE, 0.0)
    assert called.is_good is is_right
    assert line.to_caller[0] == "407 INVITE"
