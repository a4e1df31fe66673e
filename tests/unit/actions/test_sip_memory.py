"""What is remembered of SIP: bounded, and the well do not push out the ill."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from offhook.actions.sip_memory import FAILED_CALLS, NOTES_EACH, PHONES, NotesByPhone, SipMemory
from offhook.core.events import Changed, RebootAdvanced, RegisterHeard
from offhook.core.model import Change, RegisterOutcome
from offhook.diagnosis.examples import FAILED_CALL, NOW, REBOOT, REGISTERED

ILL = replace(REGISTERED, outcome=RegisterOutcome.STALE)


def after(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def test_a_calm_phone_costs_three_notes_and_a_hasty_one_all() -> None:
    memory = SipMemory()
    for n in range(20):
        memory.on_event(RegisterHeard(note=replace(REGISTERED, at=NOW + after(60 * n))))
    assert [note.at for note in memory.facts().notes] == [NOW + after(60 * n) for n in (19, 18, 17)]
    for n in range(20):
        memory.on_event(RegisterHeard(note=replace(REGISTERED, at=NOW + after(2000 + n))))
    assert len(memory.facts().notes) == NOTES_EACH


def test_phones_that_do_well_do_not_push_out_those_that_do_not() -> None:
    memory = SipMemory()
    memory.on_event(RegisterHeard(note=ILL))
    for n in range(PHONES + 10):
        memory.on_event(RegisterHeard(note=replace(REGISTERED, extension=f"e{n}")))
    notes = memory.facts().notes
    assert ILL in notes
    assert len(notes) == PHONES + 1


def test_a_flood_of_addresses_is_bounded() -> None:
    kept = NotesByPhone(phones=10, each=3)
    for n in range(100):
        kept.add(replace(ILL, source=f"udp:10.0.0.{n % 30}:5060"))
    assert len(list(kept)) <= 30
    for _ in range(10):
        kept.add(ILL)
    assert sum(note.host == ILL.host for note in kept) == 3


def test_failed_calls_are_bounded_newest_first() -> None:
    memory = SipMemory()
    for n in range(FAILED_CALLS + 5):
        memory.on_event(replace(FAILED_CALL, caller=str(n)))
    calls = memory.facts().failed_calls
    assert len(calls) == FAILED_CALLS
    assert calls[0].caller == str(FAILED_CALLS + 4)


def changed(action: str, after: dict[str, object] | None, noun: str = "extension") -> Changed:
    change = Change(
        at=NOW, actor="a", noun=noun, subject="1001", action=action, before=None, after=after
    )
    return Changed(change=change)


def test_it_knows_when_a_secret_changed_until_the_extension_is_gone() -> None:
    memory = SipMemory()
    memory.on_event(changed("changed", {"name": "Ada"}))
    memory.on_event(changed("secret revealed", None))
    memory.on_event(changed("changed", {"secret": "changed"}, noun="device"))
    assert memory.facts().secrets_changed == {}
    memory.on_event(changed("changed", {"secret": "changed"}))
    assert memory.facts().secrets_changed == {"1001": NOW}
    memory.on_event(changed("deleted", None))
    assert memory.facts().secrets_changed == {}


def test_other_events_are_nothing_to_it() -> None:
    memory = SipMemory()
    memory.on_event(RebootAdvanced(reboot=REBOOT))
    assert memory.facts().notes == ()
