"""The registrar, step by step of RFC 3261 §10.3."""

from __future__ import annotations

import pytest

from offhook.sip.bindings import Bound, Source, Unbound
from offhook.sip.registrar import Refused
from offhook.sip.uri import parse_name_addr
from offhook.sip.wanted import ExpiryPolicy, TooBrief, granted_expiry_s
from tests.unit.sip.build import OTHER, Pbx, register, response_of

A = "<sip:1001@192.0.2.10:5062>"
B = "<sip:1001@192.0.2.11:5062>"


def contacts(pbx: Pbx, aor: str = "1001") -> list[str]:
    return [binding.contact for binding in pbx.table.of(aor)]


def answer_of(pbx: Pbx, *more: str, cseq: int = 1, contact: str = A, call_id: str = "boot-1"):  # type: ignore[no-untyped-def] # a Response
    data = register(*more, cseq=cseq, contact=contact, call_id=call_id)
    return pbx.ask(pbx.sign(data))


def test_a_new_phone_is_bound() -> None:
    pbx = Pbx()
    reaction = pbx.register("Mac: 00:15:65:12:34:56", "Expires: 600")
    assert reaction.status == 200
    [effect] = reaction.effects
    assert isinstance(effect, Bound)
    assert (effect.is_new, effect.was_rebooted) == (True, False)
    binding = effect.binding
    assert (binding.aor, binding.contact) == ("1001", "sip:1001@192.0.2.10:5062")
    assert binding.source == "udp:192.0.2.10:5062"
    assert binding.note == "00:15:65:12:34:56"
    assert binding.user_agent == "Test phone 1.0"
    assert binding.expires_at == pbx.now + 600


def test_a_refresh_keeps_the_moment_of_registration() -> None:
    pbx = Pbx()
    pbx.register()
    began = pbx.now
    pbx.now += 100
    [effect] = pbx.register(cseq=2).effects
    assert isinstance(effect, Bound)
    assert (effect.is_new, effect.was_rebooted) == (False, False)
    assert (effect.binding.registered_at, effect.binding.refreshed_at) == (began, pbx.now)


def test_a_new_call_id_means_rebooted() -> None:
    pbx = Pbx()
    pbx.register()
    pbx.now += 100
    [effect] = pbx.register(call_id="boot-2").effects
    assert isinstance(effect, Bound)
    assert (effect.is_new, effect.was_rebooted) == (False, True)
    assert effect.binding.registered_at == pbx.now


def test_the_answer_lists_all_bindings_with_what_was_granted() -> None:
    pbx = Pbx()
    pbx.register(contact=A + ';q=0.5;expires=99999;+sip.instance="<urn:uuid:1>";reg-id=1')
    pbx.now += 10
    answer = answer_of(pbx, contact=B, call_id="other", cseq=9)
    first, second = (parse_name_addr(value) for value in answer.headers.all("contact"))
    assert first is not None
    assert second is not None
    assert first.params == {
        "expires": "7190",
        "q": "0.5",
        "+sip.instance": "<urn:uuid:1>",
        "reg-id": "1",
    }
    assert second.params == {"expires": "3600"}
    assert answer.headers.first("date") == "Mon, 12 Jan 1970 13:46:50 GMT"


def test_no_contact_is_a_question() -> None:
    pbx = Pbx()
    pbx.register()
    answer = answer_of(pbx, contact="", cseq=2)
    assert answer.status == 200
    assert len(answer.headers.all("contact")) == 1


def test_two_contacts_in_one_line_are_two_bindings() -> None:
    pbx = Pbx()
    pbx.register(contact=f"{A}, {B};expires=120")
    assert [b.expires_at - pbx.now for b in pbx.table.of("1001")] == [3600, 120]


def test_the_same_contact_twice_counts_once() -> None:
    pbx = Pbx()
    assert pbx.register(contact=f"{A};q=0.1, {A};q=0.2").status == 200
    assert [b.q for b in pbx.table.of("1001")] == [0.2]


@pytest.mark.parametrize(
    ("asked_s", "granted"),
    [
        (None, 3600),
        (0, 0),
        (1, TooBrief(min_s=60)),
        (59, TooBrief(min_s=60)),
        (60, 60),
        (7200, 7200),
        (2**32 - 1, 7200),
    ],
)
def test_lifetimes(asked_s: int | None, granted: int | TooBrief) -> None:
    assert granted_expiry_s(asked_s, ExpiryPolicy()) == granted


def test_an_hour_is_never_too_brief() -> None:
    assert granted_expiry_s(3600, ExpiryPolicy(min_s=4000)) == 3600


def test_too_brief_says_how_long() -> None:
    answer = answer_of(Pbx(), "Expires: 10")
    assert (answer.status, answer.headers.first("min-expires")) == (423, "60")


def test_the_contact_parameter_beats_the_header_and_rubbish_is_the_default() -> None:
    pbx = Pbx()
    pbx.register("Expires: 600", contact=A + ";expires=120")
    assert pbx.table.of("1001")[0].expires_at - pbx.now == 120
    pbx.register("Expires: 600", contact=A + ";expires=soon", cseq=2)
    assert pbx.table.of("1001")[0].expires_at - pbx.now == 3600
    pbx.register("Expires: soon", cseq=3)
    assert pbx.table.of("1001")[0].expires_at - pbx.now == 3600


def test_expires_zero_removes() -> None:
    pbx = Pbx()
    pbx.register()
    [effect] = pbx.register("Expires: 0", cseq=2).effects
    assert isinstance(effect, Unbound)
    assert effect.reason == "removed"
    assert contacts(pbx) == []
    assert pbx.register("Expires: 0", cseq=3).effects == ()


def test_star_removes_everything() -> None:
    pbx = Pbx()
    pbx.register()
    pbx.register(contact=B, call_id="other")
    reaction = pbx.register("Expires: 0", contact="*", cseq=2)
    assert len(reaction.effects) == 2
    assert contacts(pbx) == []


@pytest.mark.parametrize("more", [(), ("Expires: 60",), ("Expires: x",)])
def test_star_needs_expires_zero(more: tuple[str, ...]) -> None:
    pbx = Pbx()
    pbx.register()
    assert pbx.register(*more, contact="*", cseq=2).status == 400
    assert len(contacts(pbx)) == 1


def test_star_stands_alone() -> None:
    assert Pbx().register("Expires: 0", contact=f"*, {A}").status == 400


def test_an_older_cseq_of_the_same_call_changes_nothing() -> None:
    pbx = Pbx()
    pbx.register(cseq=5)
    before = pbx.table.of("1001")
    for more, contact in (((), A), (("Expires: 0",), A), (("Expires: 0",), "*")):
        assert pbx.register(*more, cseq=5, contact=contact).status == 500
    assert pbx.table.of("1001") == before


def test_all_or_nothing() -> None:
    pbx = Pbx()
    pbx.register(cseq=5)
    reaction = pbx.register(contact=f"{B}, {A}", cseq=4)
    assert reaction.status == 500
    assert reaction.effects == ()
    assert contacts(pbx) == ["sip:1001@192.0.2.10:5062"]


@pytest.mark.parametrize(
    "contact",
    [
        "<tel:+1>",
        "<sip:>",
        '"open <sip:a@h>',
        f"<sip:{'a' * 600}@h>",
        "<sip:a@h>;expires=1;;",
    ],
)
def test_a_contact_that_cannot_be_called_is_400(contact: str) -> None:
    assert Pbx().register(contact=contact).status == 400


def test_bindings_match_by_uri_and_not_by_text() -> None:
    pbx = Pbx()
    pbx.register(contact="<sip:1001@Phone.example;transport=udp>")
    pbx.register(contact="<sip:%31001@phone.EXAMPLE;Transport=UDP>", cseq=2)
    assert contacts(pbx) == ["sip:%31001@phone.EXAMPLE;Transport=UDP"]
    pbx.register(contact="<sip:1001@phone.example:5060;transport=udp>", cseq=3)
    assert len(contacts(pbx)) == 2


def test_the_same_instance_replaces_its_old_address() -> None:
    pbx = Pbx()
    instance = ';+sip.instance="<urn:uuid:00000000-0000-1000-8000-001565123456>"'
    pbx.register(contact=A + instance)
    [effect] = pbx.register(contact=B + instance, call_id="boot-2").effects
    assert isinstance(effect, Bound)
    assert (effect.is_new, effect.was_rebooted) == (False, True)
    assert contacts(pbx) == ["sip:1001@192.0.2.11:5062"]


def test_two_contacts_of_one_instance_in_one_request_stay_two() -> None:
    pbx = Pbx()
    instance = ';+sip.instance="<urn:uuid:1>"'
    pbx.register(contact=f"{A}{instance}, {B}{instance}")
    assert len(contacts(pbx)) == 2


def test_another_instance_is_another_phone() -> None:
    pbx = Pbx()
    pbx.register(contact=A + ';+sip.instance="<urn:uuid:1>";reg-id=x')
    pbx.register(contact=B + ';+sip.instance="<urn:uuid:2>"', call_id="other")
    assert len(contacts(pbx)) == 2


def test_the_sixth_phone_is_refused_when_all_others_live_elsewhere() -> None:
    pbx = Pbx()
    for n in range(5):
        host = f"192.0.2.{100 + n}"
        source = Source(transport="udp", host=host, port=5060)
        pbx.register(contact=f"<sip:1001@{host}>", call_id=f"c{n}", source=source)
    reaction = pbx.register(call_id="sixth")
    assert reaction.status == 403
    assert len(contacts(pbx)) == 5


def test_a_phone_that_left_dead_contacts_behind_pushes_out_its_oldest() -> None:
    pbx = Pbx()
    for n in range(5):
        pbx.now += 1
        pbx.register(contact=f"<sip:1001@192.0.2.10:{40000 + n}>", call_id=f"c{n}")
    pbx.now += 1
    reaction = pbx.register(contact="<sip:1001@192.0.2.10:40009>", call_id="c9")
    assert reaction.status == 200
    assert [type(effect) for effect in reaction.effects] == [Unbound, Bound]
    assert contacts(pbx)[0] == "sip:1001@192.0.2.10:40001"
    assert len(contacts(pbx)) == 5


def test_path_is_kept_in_order_and_copied() -> None:
    pbx = Pbx()
    answer = answer_of(pbx, "Path: <sip:p1.example;lr>, <sip:p2.example;lr>", "Path: <sip:p3;lr>")
    wanted = ("<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3;lr>")
    assert answer.headers.all("path") == wanted
    assert pbx.table.of("1001")[0].path == wanted


@pytest.mark.parametrize(
    "path", ["tel:1", '<sip:p;lr>;x="a\x07"', f"<sip:{'p' * 600}>", ", ".join(["<sip:p>"] * 6)]
)
def test_a_path_that_could_not_be_a_route_is_400(path: str) -> None:
    assert Pbx().register(f"Path: {path}").status == 400


def test_require_of_the_unknown_is_420_before_anything_else() -> None:
    pbx = Pbx()
    answer = pbx.ask(register("Require: path, gruu"))
    assert (answer.status, answer.headers.first("unsupported")) == (420, "gruu")
    assert pbx.ask(register("Require: path")).status == 401
    assert pbx.ask(register("Require: a b")).status == 400


def test_nobody_registers_for_another() -> None:
    pbx = Pbx()
    data = register(user="1002")
    reaction = pbx.receive(pbx.sign(data, user="1001"))
    assert reaction.status == 403
    [effect] = reaction.effects
    assert isinstance(effect, Refused)
    assert (effect.reason, effect.claimed, effect.aor) == ("wrong_user", "1001", "1002")
    assert contacts(pbx, "1002") == []


def test_the_user_of_the_address_is_unescaped() -> None:
    pbx = Pbx()
    data = register().replace(b"To: <sip:1001@", b"To: <sip:%31001;x@")
    assert pbx.receive(pbx.sign(data)).status == 403
    data = register(cseq=2).replace(b"To: <sip:1001@", b"To: <sip:%31001@")
    assert pbx.receive(pbx.sign(data)).status == 200


def test_what_cannot_be_shown_is_cleaned() -> None:
    pbx = Pbx()
    data = register().replace(b"Test phone 1.0", b"Bad\x1b[31m\xff" + b"x" * 400)
    pbx.receive(pbx.sign(data))
    agent = pbx.table.of("1001")[0].user_agent
    assert agent.startswith("Bad?[31m?x")
    assert len(agent) == 256


@pytest.mark.parametrize(("text", "q"), [("0.25", 0.25), ("2", 1.0), ("x", 1.0), ("nan", 1.0)])
def test_q_outside_its_range_counts_as_one(text: str, q: float) -> None:
    pbx = Pbx()
    pbx.register(contact=f"{A};q={text}")
    assert pbx.table.of("1001")[0].q == q


def test_a_repeated_request_gets_the_same_answer_and_no_second_effect() -> None:
    pbx = Pbx()
    data = pbx.sign(register())
    first, second = pbx.receive(data), pbx.receive(data)
    assert first.answer == second.answer
    assert second.effects == ()


def test_a_repeated_request_after_timer_j_is_asked_again() -> None:
    pbx = Pbx()
    data = pbx.sign(register())
    pbx.receive(data)
    pbx.now += 33
    assert pbx.ask(data).status == 401


def test_another_source_does_not_get_the_stored_answer() -> None:
    pbx = Pbx()
    data = pbx.sign(register())
    pbx.receive(data)
    assert pbx.ask(data, OTHER).status == 401


def test_on_tcp_nothing_is_stored() -> None:
    pbx = Pbx()
    source = Source(transport="tcp", host="192.0.2.10", port=40000)
    assert pbx.register(source=source).status == 200
    assert len(pbx.answers) == 0


def test_strangers_cost_no_memory() -> None:
    pbx = Pbx()
    for n in range(50):
        pbx.receive(register(call_id=f"c{n}"))
    assert len(pbx.answers) == 0
    assert len(pbx.table) == 0


def test_a_strangers_repeat_gets_the_same_tag() -> None:
    pbx = Pbx()
    assert pbx.ask(register()).headers.first("to") == pbx.ask(register()).headers.first("to")


def test_answers_go_where_rport_says() -> None:
    pbx = Pbx()
    source = Source(transport="udp", host="203.0.113.7", port=31000)
    reaction = pbx.register(source=source)
    assert reaction.answer is not None
    assert (reaction.answer.host, reaction.answer.port) == ("203.0.113.7", 31000)
    via = response_of(reaction.answer.data).headers.first("via") or ""
    assert via.endswith(";rport=31000;received=203.0.113.7")
    assert pbx.table.of("1001")[0].source == "udp:203.0.113.7:31000"
