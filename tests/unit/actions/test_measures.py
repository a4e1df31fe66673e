"""What is counted of the events."""

from __future__ import annotations

from dataclasses import replace

from offhook.actions.measures import Measures
from offhook.core.events import AttemptRecorded, Changed, PhoneRegistered, RebootAdvanced
from offhook.core.model import RebootStep
from tests.store_records import T0, attempt, change, reboot, refused, registration


def test_requests_count_by_outcome_and_fault_without_tests_by_people() -> None:
    measures = Measures()
    for item in (attempt(), attempt(2), refused(), attempt(3, is_test=True)):
        measures.on_event(AttemptRecorded(attempt=item))
    assert measures.requests == {("served", ""): 2, ("refused", "P301"): 1}


def test_a_step_told_twice_counts_once() -> None:
    measures = Measures()
    asked = reboot()
    told = replace(asked, step=RebootStep.NOTIFIED)
    for item in (asked, replace(asked, detail="waits"), told, replace(told, sip_code=200)):
        measures.on_event(RebootAdvanced(reboot=item))
    assert measures.reboots == {"pending": 1, "notified": 1}


def test_reboots_wait_until_they_are_sent() -> None:
    measures = Measures()
    for name in ("a", "b"):
        measures.on_event(RebootAdvanced(reboot=reboot(name)))
    assert measures.pending_reboots == 2
    measures.on_event(RebootAdvanced(reboot=replace(reboot("a"), step=RebootStep.FAILED)))
    assert measures.pending_reboots == 1


def test_bindings_and_changes_count_by_what_they_are() -> None:
    measures = Measures()
    for is_new in (True, False, False):
        event = PhoneRegistered(
            registration=registration(), is_new=is_new, was_rebooted=False, at=T0
        )
        measures.on_event(event)
    measures.on_event(Changed(change=change()))
    assert measures.bindings == {"made": 1, "refreshed": 2}
    assert measures.changes == {"extension": 1}
