"""One contract for both SIP engines: what phones do, and what Offhook sees and orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from offhook.actions.ports import NotifyKind, NotifyOrder, NotifyOutcome
from offhook.core.events import PhoneRegistered, PhoneUnregistered, RegistrationRefused
from offhook.core.model import Registration
from offhook.core.secret import Secret
from offhook.core.vendor import Notify
from offhook.simulator.sip_phone import SipPhone
from offhook.sip.digest import BEST_FIRST, Algorithm
from tests.integration.engine_houses import EmbeddedHouse, House, KamailioHouse
from tests.integration.engine_room import raw_register


@pytest.fixture(
    params=[
        pytest.param(EmbeddedHouse, id="embedded"),
        pytest.param(KamailioHouse, id="kamailio", marks=pytest.mark.needs("kamailio")),
    ]
)
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    house: House = request.param(tmp_path)
    try:
        await house.open()
        yield house
    finally:
        await house.close()


@pytest.fixture
async def phone() -> AsyncIterator[SipPhone]:
    phone = SipPhone(timeout_s=4.0)
    yield phone
    await phone.close(silently=True)


async def sign_in(phone: SipPhone, house: House, number: str = "1001", **more: object) -> int:
    """Register and give the status of the answer."""
    values: dict[str, object] = {"extension": number, "secret": f"secret{number}", **more}
    answer = await phone.register(server="127.0.0.1", port=house.port, **values)  # type: ignore[arg-type] # as the test says
    assert answer is not None
    return answer.status


async def seen(house: House, count: int = 1) -> PhoneRegistered:
    return await house.office.wait(PhoneRegistered, count)


async def order(house: House, target: Registration | None = None, **more: object) -> NotifyOutcome:
    if target is None:
        [target] = house.engine.registrations("1001")
    values: dict[str, object] = {
        "notify": Notify(event="check-sync;reboot=true"),
        "username": "1001",
        "secret": Secret("secret1001"),
        "timeout_s": 4.0,
    }
    on_sent = more.pop("on_sent", lambda: None)
    return await house.engine.notify(
        NotifyOrder(registration=target, **(values | more)),  # type: ignore[arg-type] # as the test says
        on_sent,  # type: ignore[arg-type] # a function
    )


# --- registering -------------------------------------------------------------------------------


async def test_a_registration_is_told_and_listed(house: House, phone: SipPhone) -> None:
    agent = "Maker X 1.0 00:15:65:12:34:56"
    assert await sign_in(phone, house, user_agent=agent, expires_s=300) == 200
    event = await seen(house)
    assert (event.is_new, event.was_rebooted) == (True, False)
    [registration] = house.engine.registrations()
    assert registration == event.registration
    assert registration.extension == "1001"
    assert registration.contact == phone.contact
    assert registration.source == f"udp:127.0.0.1:{phone.port}"
    assert registration.user_agent == agent
    assert registration.mac is not None
    assert registration.mac.plain == "001565123456"
    lifetime_s = (registration.expires_at - house.office.now()).total_seconds()
    assert 200 < lifetime_s <= 300
    assert house.engine.registrations("1002") == ()
    health = house.engine.health()
    assert health.is_up
    assert health.counters["registrations"] == 1
    assert any(text.startswith("udp:127.0.0.1:") for text in health.listening)


async def test_a_refresh_keeps_the_registration(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    first = await seen(house)
    await phone.refresh()
    event = await seen(house, 2)
    assert (event.is_new, event.was_rebooted) == (False, False)
    [registration] = house.engine.registrations("1001")
    assert registration.cseq > first.registration.cseq
    assert registration.registered_at == first.registration.registered_at


async def test_a_new_call_id_means_a_reboot(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    await seen(house)
    phone.boot()
    await sign_in(phone, house)
    event = await seen(house, 2)
    assert (event.is_new, event.was_rebooted) == (False, True)
    assert len(house.engine.registrations("1001")) == 1


async def test_a_phone_unregisters(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    await seen(house)
    await phone.unregister()
    event = await house.office.wait(PhoneUnregistered)
    assert (event.reason, event.registration.contact) == ("removed", phone.contact)
    assert house.engine.registrations() == ()


async def test_a_phone_that_falls_silent_expires(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house, expires_s=60)
    await seen(house)
    house.office.ahead_s = 61
    event = await house.office.wait(PhoneUnregistered)
    assert (event.reason, event.registration.extension) == ("expired", "1001")
    assert house.engine.registrations() == ()


async def test_two_phones_share_an_extension(house: House, phone: SipPhone) -> None:
    other = SipPhone()
    await sign_in(phone, house)
    await sign_in(other, house)
    await seen(house, 2)
    contacts = {item.contact for item in house.engine.registrations("1001")}
    assert contacts == {phone.contact, other.contact}
    await other.close()
    await house.office.wait(PhoneUnregistered)
    assert [item.contact for item in house.engine.registrations()] == [phone.contact]


async def test_the_header_mac_names_the_phone(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house, headers=[("MAC", "000B82123456")])
    mac = (await seen(house)).registration.mac
    assert mac is not None
    assert mac.plain == "000b82123456"


async def test_a_path_is_kept_and_followed(house: House, phone: SipPhone) -> None:
    proxy = SipPhone()
    await sign_in(proxy, house, "1002")
    path = f"<sip:{proxy.contact.partition('@')[2]};lr>"
    await sign_in(phone, house, headers=[("Supported", "path"), ("Path", path)])
    await seen(house, 2)
    [registration] = house.engine.registrations("1001")
    assert registration.path == (path,)
    await order(house)
    assert [r.headers.first("route") for r in proxy.requests + phone.requests] == [path]
    await proxy.close(silently=True)


@pytest.mark.parametrize(
    "agent",
    [
        'A "quoted" \\ back\\slash %41 $var(x) {s.int}',
        "Böse “Zeichen” 你好",
        '"}{"Info":{"AoR":"1002"',
        "x" * 250,
        "",
    ],
)
async def test_a_hostile_user_agent_is_only_a_text(
    house: House, phone: SipPhone, agent: str
) -> None:
    assert await sign_in(phone, house, user_agent=agent) == 200
    assert (await seen(house)).registration.user_agent == agent
    await house.restart()
    [registration] = house.engine.registrations()
    assert (registration.user_agent, registration.extension) == (agent, "1001")


# --- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "secret", "reason"),
    [("1001", "guess", "wrong_digest"), ("1099", "secret1099", "unknown_user")],
)
async def test_a_refused_phone_is_told(
    house: House, phone: SipPhone, number: str, secret: str, reason: str
) -> None:
    assert await sign_in(phone, house, number, secret=secret, user_agent="Acme One") == 401
    refused = await house.office.wait(RegistrationRefused)
    assert (refused.reason, refused.extension, refused.claimed) == (reason, number, number)
    assert refused.source == f"udp:127.0.0.1:{phone.port}"
    assert refused.user_agent == "Acme One"
    assert house.engine.registrations() == ()


async def test_nobody_registers_for_another(house: House, phone: SipPhone) -> None:
    assert await sign_in(phone, house, "1002", auth_name="1001", secret="secret1001") == 403
    refused = await house.office.wait(RegistrationRefused)
    assert (refused.reason, refused.claimed, refused.extension) == ("wrong_user", "1001", "1002")
    assert house.engine.registrations() == ()


async def test_a_disabled_extension_is_refused(house: House, phone: SipPhone) -> None:
    await house.change("1001", None)
    assert await sign_in(phone, house) == 401
    assert (await house.office.wait(RegistrationRefused)).reason == "unknown_user"


async def test_a_new_secret_holds_at_once(house: House, phone: SipPhone) -> None:
    await house.change("1001", "another")
    assert await sign_in(phone, house, secret="another") == 200
    assert await sign_in(phone, house) == 401


# --- NOTIFY ------------------------------------------------------------------------------------


async def test_an_order_is_accepted_and_told_once(house: House, phone: SipPhone) -> None:
    sent: list[None] = []
    await sign_in(phone, house)
    await seen(house)
    outcome = await order(house, on_sent=lambda: sent.append(None))
    assert (outcome.kind, outcome.code, outcome.reason) == (NotifyKind.ACCEPTED, 200, "OK")
    assert outcome.rtt_ms > 0
    assert len(sent) == 1
    [request] = phone.requests
    assert request.uri == phone.contact
    first = request.headers.first
    assert first("event") == "check-sync;reboot=true"
    assert first("subscription-state") == "active"
    assert len(request.headers.all("user-agent")) <= 1
    assert (first("from") or "").count("tag=") == 1
    assert "tag=" not in (first("to") or "")


async def test_a_body_arrives_with_its_type(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    await seen(house)
    notify = Notify(event="service-control", content_type="text/plain", body="action=restart\r\n")
    assert (await order(house, notify=notify)).kind is NotifyKind.ACCEPTED
    [request] = phone.requests
    assert request.body == b"action=restart\r\n"
    assert request.headers.first("content-type") == "text/plain"


async def test_a_refusal_is_told_with_its_code(house: House, phone: SipPhone) -> None:
    phone.notify_status = 489
    await sign_in(phone, house)
    await seen(house)
    outcome = await order(house)
    assert (outcome.kind, outcome.code, outcome.reason) == (NotifyKind.REFUSED, 489, "Refused")


@pytest.mark.parametrize("algorithms", [BEST_FIRST, (Algorithm.MD5,)])
async def test_a_phones_challenge_is_answered(
    house: House, algorithms: tuple[Algorithm, ...]
) -> None:
    phone = SipPhone(challenges_notify=True, challenge_algorithms=algorithms)
    await sign_in(phone, house)
    await seen(house)
    outcome = await order(house)
    assert (outcome.kind, outcome.was_challenged) == (NotifyKind.ACCEPTED, True)
    assert [r.headers.first("cseq") for r in phone.requests] == ["1 NOTIFY", "2 NOTIFY"]
    assert len({r.headers.first("call-id") for r in phone.requests}) == 1
    await phone.close(silently=True)


@pytest.mark.parametrize(("secret", "tries"), [("", 1), ("wrong", 2)])
async def test_credentials_that_are_missing_or_not_taken(
    house: House, secret: str, tries: int
) -> None:
    phone = SipPhone(challenges_notify=True)
    await sign_in(phone, house)
    await seen(house)
    outcome = await order(house, secret=Secret(secret))
    assert (outcome.kind, outcome.code) == (NotifyKind.CHALLENGED, 401)
    assert outcome.was_challenged
    assert len(phone.requests) == tries
    await phone.close(silently=True)


async def test_a_silent_phone_leaves_the_order_unanswered(house: House, phone: SipPhone) -> None:
    sent: list[None] = []
    await sign_in(phone, house)
    await seen(house)
    phone.is_silent = True
    outcome = await order(house, timeout_s=0.7, on_sent=lambda: sent.append(None))
    assert (outcome.kind, outcome.code, len(sent)) == (NotifyKind.UNANSWERED, 0, 1)


async def test_an_order_goes_only_to_a_live_registration(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    target = (await seen(house)).registration
    await phone.unregister()
    await house.office.wait(PhoneUnregistered)
    outcome = await order(house, target)
    assert outcome.kind is NotifyKind.FAILED
    assert "not registered" in outcome.reason
    assert phone.requests == []


async def test_an_order_goes_to_one_phone_of_an_extension(house: House, phone: SipPhone) -> None:
    other = SipPhone()
    await sign_in(phone, house)
    await sign_in(other, house)
    target = (await seen(house, 2)).registration
    assert (await order(house, target)).kind is NotifyKind.ACCEPTED
    assert (len(phone.requests), len(other.requests)) == (0, 1)
    await other.close(silently=True)


@pytest.mark.parametrize(
    "event", ["a\r\nb: c", "a\nRoute: <sip:victim>", "a\x00b", "a\r\n\r\nbody"]
)
async def test_an_event_that_would_break_the_header_fails(
    house: House, phone: SipPhone, event: str
) -> None:
    await sign_in(phone, house)
    await seen(house)
    assert (await order(house, notify=Notify(event=event))).kind is NotifyKind.FAILED
    assert phone.requests == []


async def test_stopping_fails_what_waits(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    await seen(house)
    phone.is_silent = True
    is_sent = asyncio.Event()
    waiting = asyncio.ensure_future(order(house, timeout_s=30.0, on_sent=is_sent.set))
    await is_sent.wait()
    await house.engine.stop()
    assert (await waiting).kind is NotifyKind.FAILED


async def test_an_order_goes_where_the_register_came_from(house: House) -> None:
    """Whatever Contact says: nobody is made to send NOTIFYs to others."""
    loop = asyncio.get_running_loop()
    raw = await raw_register(house, "<sip:1001@10.1.2.3:5060>")  # type: ignore[arg-type] # has a port
    await seen(house)
    waiting = asyncio.ensure_future(order(house))
    received = await loop.sock_recv(raw, 65_535)
    assert received.startswith(b"NOTIFY sip:1001@10.1.2.3:5060 SIP/2.0\r\n")
    waiting.cancel()
    raw.close()


@pytest.mark.parametrize(
    "value",
    [
        "<sip:1001@127.0.0.1:5062>, <sip:1001@127.0.0.1:5063>",
        "<sip:1001@127.0.0.1:5062>\r\nContact: <sip:1001@127.0.0.1:5063>",
        "<sip:1001@127.0.0.1:5062>\r\nm: <sip:1001@127.0.0.1:5063>",
    ],
)
async def test_every_contact_of_a_request_is_seen(house: House, value: str) -> None:
    raw = await raw_register(house, value)  # type: ignore[arg-type] # has a port
    raw.close()
    await seen(house, 2)
    found = {item.contact for item in house.engine.registrations("1001")}
    assert found == {"sip:1001@127.0.0.1:5062", "sip:1001@127.0.0.1:5063"}


async def test_a_star_removes_every_contact(house: House, phone: SipPhone) -> None:
    other = SipPhone()
    await sign_in(phone, house)
    await sign_in(other, house)
    await seen(house, 2)
    raw = await raw_register(house, "*\r\nExpires: 0")  # type: ignore[arg-type] # has a port
    raw.close()
    await house.office.wait(PhoneUnregistered, 2)
    assert house.engine.registrations() == ()
    await other.close(silently=True)


# --- removing and restarting -------------------------------------------------------------------


async def test_removing_an_extension_drops_its_bindings(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    await seen(house)
    assert await house.engine.remove("1001") == 1
    assert await house.engine.remove("1001") == 0
    assert (await house.office.wait(PhoneUnregistered)).reason == "removed"
    await house.restart()
    assert house.engine.registrations() == ()


async def test_registrations_survive_a_restart_of_offhook(house: House, phone: SipPhone) -> None:
    await sign_in(phone, house)
    before = (await seen(house)).registration
    house.office.events.clear()
    await house.restart()
    [registration] = house.engine.registrations()
    same = ("extension", "contact", "source", "call_id", "cseq", "user_agent")
    assert [getattr(registration, name) for name in same] == [
        getattr(before, name) for name in same
    ]
    assert house.office.events == []
    assert (await order(house)).kind is NotifyKind.ACCEPTED


async def test_stop_is_idempotent(house: House) -> None:
    await asyncio.gather(house.engine.stop(), house.engine.stop())
    assert not house.engine.health().is_up
    assert house.engine.health().listening == ()
