"""Busy lamps: who may watch whom, and what each NOTIFY says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import pytest

from offhook.sip.bindings import Source
from offhook.sip.flow import Outbound
from offhook.sip.message import Request, Response, render_response
from offhook.sip.subscriptions import Subscriptions
from tests.unit.sip.build import Pbx, response_of
from tests.unit.sip.calling import CALLEE, CALLER, STRANGER, Exchange, contact, invite, message, sip

LAMP = CALLER  # 1001 watches 1002, and is a phone like any other
NS = "{urn:ietf:params:xml:ns:dialog-info}"


def subscribe(
    *more: str,
    to: str = "1002",
    event: str = "dialog",
    expires: int | None = 600,
    to_tag: str = "",
    cseq: int = 1,
    call_id: str = "lamp-1",
    user: str = "1001",
    source: Source = LAMP,
) -> bytes:
    lines = [*([f"Expires: {expires}"] if expires is not None else []), *more]
    return sip(
        "SUBSCRIBE",
        f"sip:{to}@pbx.example",
        *([f"Event: {event}"] if event else []),
        *lines,
        to=to,
        to_tag=to_tag,
        cseq=cseq,
        call_id=call_id,
        user=user,
        source=source,
        branch=f"sub-{call_id}-{cseq}",
    )


@dataclass
class Lamps:
    """An exchange whose caller has lamps; `told` are the NOTIFYs that left, newest last."""

    room: Exchange = field(default_factory=Exchange)
    told: list[Request] = field(default_factory=list)

    @property
    def pbx(self) -> Pbx:
        return self.room.pbx

    @property
    def watching(self) -> Subscriptions:
        return self.pbx.subscriptions

    def ask(self, data: bytes, source: Source = LAMP, user: str = "1001") -> Response:
        """Subscribe with digest; the NOTIFY that follows is kept unanswered."""
        signed = self.pbx.sign(data, user=user, source=source)
        reaction = self.pbx.receive(signed, source)
        self.take(reaction.after)
        assert reaction.answer is not None
        return response_of(reaction.answer.data)

    def take(self, sends: tuple[Outbound, ...] | None) -> list[Request]:
        found = [m for m in map(message, sends or ()) if isinstance(m, Request)]
        self.told += found
        return found

    def answer(self, status: int = 200) -> list[Request]:
        """The phone answers the last NOTIFY; gives what leaves then."""
        data = render_response(self.told[-1], status, "R", to_tag="phone")
        sends = self.watching.on_response(response_of(data), self.pbx.now)
        assert sends is not None
        return self.take(sends)

    def watch(self, *more: str, **values: object) -> Response:
        answer = self.ask(subscribe(*more, **values))  # type: ignore[arg-type] # as the test says
        assert answer.status == 200
        self.answer()
        return answer

    def look(self) -> list[Request]:
        """Tell what has changed of calls."""
        changed = self.pbx.proxy.calls.take_changed()
        return self.take(self.watching.on_calls(changed, self.pbx.now))

    def wait(self, seconds: float) -> list[Request]:
        left: list[Request] = []
        end = self.pbx.now + seconds
        while (wake_at := self.watching.wake_at) is not None and wake_at <= end:
            self.pbx.now = wake_at
            left += self.take(self.watching.on_time(wake_at))
        self.pbx.now = end
        return left + self.take(self.watching.expire(end))


def states(notify: Request) -> list[tuple[str, str]]:
    """Direction and state of each dialog of a NOTIFY."""
    root = ET.fromstring(notify.body)  # our own bytes
    assert root.tag == f"{NS}dialog-info"
    assert root.get("state") == "full"
    return [
        (item.get("direction") or "", item.findtext(f"{NS}state") or "")
        for item in root.iter(f"{NS}dialog")
    ]


def version(notify: Request) -> str | None:
    return ET.fromstring(notify.body).get("version")  # our own bytes


def state_of(notify: Request) -> str:
    return notify.headers.first("subscription-state") or ""


def tag_in(answer: Response) -> str:
    return (answer.headers.first("to") or "").rpartition("tag=")[2]


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["1002", "4711"])
def test_a_stranger_is_challenged_and_learns_nothing(to: str) -> None:
    lamps = Lamps()
    answer = lamps.pbx.ask(subscribe(to=to), STRANGER)
    assert (answer.status, len(lamps.watching)) == (407, 0)


def test_a_phone_that_has_not_registered_is_told_to_come_again() -> None:
    lamps = Lamps()
    data = subscribe(user="watson", source=STRANGER)
    answer = lamps.ask(data, source=STRANGER, user="watson")
    assert (answer.status, answer.headers.first("retry-after")) == (480, "5")


def test_nobody_watches_as_somebody_else() -> None:
    lamps = Lamps()
    assert lamps.ask(subscribe(user="1002", source=LAMP)).status == 403


@pytest.mark.parametrize(
    ("data", "status", "header", "value"),
    [
        (subscribe(to="4711"), 404, "expires", None),
        (subscribe(event="presence"), 489, "allow-events", "dialog, message-summary"),
        (subscribe(event=""), 489, "allow-events", "dialog, message-summary"),
        (subscribe(expires=5), 423, "min-expires", "60"),
        (subscribe("Require: 100rel"), 420, "unsupported", "100rel"),
        (subscribe("Accept: application/pidf+xml"), 406, "expires", None),
        (subscribe(to_tag="of-before-our-restart"), 481, "expires", None),
        (subscribe("Record-Route: <sip:a;lr>\0"), 400, "expires", None),
    ],
)
def test_refuses_what_it_cannot_serve(
    data: bytes, status: int, header: str, value: str | None
) -> None:
    lamps = Lamps()
    answer = lamps.ask(data)
    assert (answer.status, answer.headers.first(header)) == (status, value)
    assert (lamps.told, len(lamps.watching)) == ([], 0)


def test_a_contact_that_is_none_is_refused() -> None:
    data = subscribe().replace(f"<{contact('1001', LAMP)}>".encode(), b"nowhere")
    assert Lamps().ask(data).status == 400


def test_publish_is_no_method_of_ours() -> None:
    answer = Pbx().ask(sip("PUBLISH", "sip:1002@pbx.example", "Event: presence"), CALLER)
    assert answer.status == 405
    assert "SUBSCRIBE" in (answer.headers.first("allow") or "")


# --- the first NOTIFY -----------------------------------------------------------------------------


def test_the_state_follows_at_once_in_the_dialog() -> None:
    lamps = Lamps()
    answer = lamps.ask(
        subscribe("Record-Route: <sip:192.0.2.99;lr>", "Accept: application/dialog-info+xml")
    )
    assert answer.status == 200
    assert answer.headers.first("expires") == "600"
    assert answer.headers.first("contact") == "<sip:192.0.2.1:5060>"
    assert answer.headers.first("record-route") == "<sip:192.0.2.99;lr>"
    [notify] = lamps.told
    assert notify.uri == contact("1001", LAMP)
    assert notify.headers.first("route") == "<sip:192.0.2.99;lr>"
    assert notify.headers.first("from") == f"<sip:1002@pbx.example>;tag={tag_in(answer)}"
    assert notify.headers.first("to") == "<sip:1001@pbx.example>;tag=caller"
    assert notify.headers.first("call-id") == "lamp-1"
    assert notify.headers.first("cseq") == "1 NOTIFY"
    assert notify.headers.first("event") == "dialog"
    assert notify.headers.first("content-type") == "application/dialog-info+xml"
    assert state_of(notify) == "active;expires=600"
    assert (states(notify), version(notify)) == ([], "0")
    assert ET.fromstring(notify.body).get("entity") == "sip:1002@pbx.example"  # ours


def test_a_strict_router_gets_itself_as_request_uri() -> None:
    lamps = Lamps()
    lamps.ask(subscribe("Record-Route: <sip:192.0.2.98>, <sip:192.0.2.99;lr>"))
    [notify] = lamps.told
    assert notify.uri == "sip:192.0.2.98"
    assert notify.headers.all("route") == (
        "<sip:192.0.2.99;lr>",
        f"<{contact('1001', LAMP)}>",
    )


def test_an_event_id_is_repeated_and_other_parameters_are_not() -> None:
    lamps = Lamps()
    lamps.ask(subscribe(event="Dialog; sla ;id=7"))
    assert lamps.told[0].headers.first("event") == "Dialog;id=7"


def test_a_mailbox_is_empty() -> None:
    lamps = Lamps()
    assert lamps.ask(subscribe(event="message-summary", to="1001", expires=None)).status == 200
    [notify] = lamps.told
    assert notify.body == b"Messages-Waiting: no\r\n"
    assert notify.headers.first("content-type") == "application/simple-message-summary"
    assert state_of(notify) == "active;expires=3600"


def test_a_fetch_is_answered_and_leaves_nothing_behind() -> None:
    lamps = Lamps()
    assert lamps.ask(subscribe(expires=0)).headers.first("expires") == "0"
    assert state_of(lamps.told[0]) == "terminated;reason=timeout"
    assert len(lamps.watching) == 0


def test_a_repeated_subscribe_gets_its_answer_and_no_second_lamp() -> None:
    lamps = Lamps()
    signed = lamps.pbx.sign(subscribe(), source=LAMP)
    first = lamps.pbx.receive(signed, LAMP)
    again = lamps.pbx.receive(signed, LAMP)
    assert again.answer == first.answer
    assert (again.after, len(lamps.watching)) == ((), 1)


# --- calls ----------------------------------------------------------------------------------------


def test_both_sides_of_a_call_are_shown_step_by_step() -> None:
    lamps = Lamps()
    lamps.watch()
    lamps.watch(to="1001", call_id="lamp-2")
    seen: list[list[tuple[str, str]]] = []

    def note() -> None:
        for watched in lamps.look():
            seen.append(states(watched))
            data = render_response(watched, 200, "OK", to_tag="phone")
            lamps.watching.on_response(response_of(data), lamps.pbx.now)

    lamps.room.call()
    note()
    lamps.room.say(180)
    note()
    lamps.room.say(183)
    note()
    lamps.room.say(200)
    note()
    bye = sip("BYE", contact("1002", CALLEE), to_tag="callee", cseq=2, branch="bye")
    lamps.room.started = lamps.pbx.receive(bye, CALLER).sends
    note()
    lamps.room.say(200)
    note()
    assert seen == [
        [("initiator", "proceeding")],
        [("recipient", "trying")],
        [("initiator", "early")],
        [("recipient", "early")],
        [("initiator", "confirmed")],
        [("recipient", "confirmed")],
        [("initiator", "terminated")],
        [("recipient", "terminated")],
    ]
    mine = [item for item in lamps.told if item.headers.first("call-id") == "lamp-1"]
    assert [version(item) for item in mine] == ["0", "1", "2", "3", "4"]
    assert [item.headers.first("cseq") for item in mine] == [f"{n} NOTIFY" for n in range(1, 6)]


def test_an_ended_call_is_not_shown_twice() -> None:
    lamps = Lamps()
    lamps.watch()
    lamps.room.call()
    lamps.look()
    lamps.answer()
    lamps.room.say(486)
    [notify] = lamps.look()
    assert states(notify) == [("recipient", "terminated")]
    lamps.answer()
    lamps.room.call(invite(call_id="call-2", branch="b2"))
    [notify] = lamps.look()
    assert states(notify) == [("recipient", "trying")]


def test_changes_wait_for_the_answer_and_are_told_together() -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    lamps.room.call()
    assert lamps.look() == []
    lamps.room.say(180)
    assert lamps.look() == []
    [notify] = lamps.answer()
    assert states(notify) == [("recipient", "early")]
    assert lamps.answer() == []


def test_nothing_tells_call_id_or_tags_of_a_call() -> None:
    lamps = Lamps()
    lamps.watch()
    lamps.room.talk()
    [notify] = lamps.look()
    assert all(word not in notify.body for word in (b"call-1", b"callee", b"caller"))


# --- the life of a subscription -------------------------------------------------------------------


def test_a_refresh_keeps_the_dialog_and_tells_again() -> None:
    lamps = Lamps()
    tag = tag_in(lamps.watch())
    lamps.pbx.now += 500
    assert lamps.ask(subscribe(to_tag=tag, cseq=3)).status == 200
    assert (version(lamps.told[-1]), len(lamps.watching)) == ("1", 1)
    lamps.answer()
    assert lamps.wait(500) == []
    [last] = lamps.wait(200)
    assert state_of(last) == "terminated;reason=timeout"
    assert len(lamps.watching) == 0


def test_a_refresh_out_of_order_or_by_another_changes_nothing() -> None:
    lamps = Lamps()
    tag = tag_in(lamps.watch())
    assert lamps.ask(subscribe(to_tag=tag, cseq=1)).status == 500
    assert lamps.ask(subscribe(to_tag=tag, cseq=9, event="message-summary")).status == 481
    theirs = subscribe(to_tag=tag, cseq=9, user="1002", source=CALLEE)
    assert lamps.ask(theirs, source=CALLEE, user="1002").status == 481


def test_an_unsubscribed_phone_is_told_once_more() -> None:
    lamps = Lamps()
    tag = tag_in(lamps.watch())
    assert lamps.ask(subscribe(to_tag=tag, cseq=3, expires=0)).status == 200
    assert state_of(lamps.told[-1]) == "terminated;reason=timeout"
    assert len(lamps.watching) == 0
    assert lamps.answer() == []


@pytest.mark.parametrize(("status", "kept"), [(481, 0), (489, 0), (200, 1), (500, 1), (401, 1)])
def test_who_says_it_does_not_watch_is_told_no_more(status: int, kept: int) -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    lamps.answer(status)
    assert len(lamps.watching) == kept


def test_a_phone_that_is_silent_watches_no_longer() -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    repeats = lamps.wait(40)
    assert len(repeats) == 10  # timer E: 0.5, 1, 2, then every 4 s up to 32 s
    assert len({item.headers.first("cseq") for item in repeats}) == 1
    assert (len(lamps.watching), lamps.watching.wake_at) == (0, None)


def test_a_notify_that_cannot_leave_ends_the_lamp() -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    [branch] = lamps.watching.branches_over(str(LAMP))
    assert lamps.watching.branches_over("tcp:192.0.2.7:1") == ()
    assert lamps.watching.on_unsendable(branch, lamps.pbx.now) == ()
    assert lamps.watching.on_unsendable(branch, lamps.pbx.now) == ()
    assert len(lamps.watching) == 0


def test_a_removed_extension_ends_what_it_watched() -> None:
    lamps = Lamps()
    lamps.watch()
    [notify] = lamps.take(lamps.watching.on_removed("1001", lamps.pbx.now))
    assert state_of(notify) == "terminated;reason=deactivated"
    assert lamps.watching.on_removed("1002", lamps.pbx.now) == ()


def test_who_watches_a_removed_extension_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    lamps = Lamps()
    lamps.watch()
    monkeypatch.setattr(lamps.watching, "_secret_of", lambda user: None)
    [notify] = lamps.take(lamps.watching.on_removed("1002", lamps.pbx.now))
    assert state_of(notify) == "terminated;reason=noresource"
    assert len(lamps.watching) == 0


def test_a_restarted_phone_makes_room_for_its_new_lamps() -> None:
    lamps = Lamps()
    lamps.watching._watches._of_watcher = 2
    for number in range(3):
        lamps.watch(call_id=f"boot-{number}")
    assert len(lamps.watching) == 2
    lamps.watching._capacity = 2
    full = lamps.ask(subscribe(call_id="one-more"))
    assert (full.status, full.headers.first("retry-after")) == (503, "60")


def test_a_response_to_somebody_else_is_left() -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    forged = render_response(lamps.told[-1], 200, "OK").replace(b"1 NOTIFY", b"1 INVITE")
    assert lamps.watching.on_response(response_of(forged), lamps.pbx.now) is None
    assert (
        lamps.watching.on_response(response_of(forged.replace(b"z9hG4bKn", b"z9hG4bKm")), 0.0)
        is None
    )


def test_a_refresh_by_another_way_is_told_by_that_way() -> None:
    lamps = Lamps()
    tag = tag_in(lamps.ask(subscribe()))
    [branch] = lamps.watching.branches_over(str(LAMP))
    moved = Source(transport="tcp", host=LAMP.host, port=41_000)
    assert lamps.ask(subscribe(to_tag=tag, cseq=2, source=moved), source=moved).status == 200
    sends = lamps.watching.on_unsendable(branch, lamps.pbx.now)
    assert [str(sent.flow) for sent in sends] == [str(moved)]
    assert lamps.take(sends)[0].headers.first("contact") == "<sip:192.0.2.1:5060;transport=tcp>"
    assert len(lamps.watching) == 1


def test_many_refreshes_are_planned_once() -> None:
    lamps = Lamps()
    tag = tag_in(lamps.watch())
    for number in range(5):
        lamps.pbx.now += 1
        lamps.ask(subscribe(to_tag=tag, cseq=2 + number))
        lamps.answer()
    assert len(lamps.watching._watches._expiring) == 1
    lamps.ask(subscribe(to_tag=tag, cseq=9, expires=60))
    lamps.answer()
    assert len(lamps.wait(61)) == 1
    assert len(lamps.watching) == 0
    lamps.answer()
    assert lamps.wait(600) == []


def test_a_call_is_no_news_for_a_mailbox_and_no_visible_change_for_a_lamp() -> None:
    lamps = Lamps()
    lamps.watch(event="message-summary")
    lamps.watch(call_id="lamp-2")
    lamps.room.call()
    assert len(lamps.look()) == 1
    lamps.answer()
    assert lamps.take(lamps.watching.on_calls(["1002", "4711"], lamps.pbx.now)) == []


def test_a_provisional_answer_is_none_yet() -> None:
    lamps = Lamps()
    lamps.ask(subscribe())
    assert lamps.answer(100) == []
    assert len(lamps.watching.branches_over(str(LAMP))) == 1


def test_an_unreachable_lamp_is_no_failed_call() -> None:
    assert Lamps().watching.take_failures() == ()
