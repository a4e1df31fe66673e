"""What phones lost over SIP: remembered until it comes back."""

from __future__ import annotations

from dataclasses import replace

from offhook.actions.sip_losses import EXTENSIONS, LAMPS, SipLosses
from offhook.core.events import (
    PhoneRegistered,
    PhoneUnregistered,
    RegisterHeard,
    SubscriptionLost,
    SubscriptionRegained,
)
from offhook.core.mac import Mac
from offhook.core.model import RegisterOutcome, Registration
from offhook.diagnosis.examples import BINDING, MAC, NOW, REGISTERED

OTHER = replace(
    BINDING, contact="sip:1001@192.0.2.60", source="udp:192.0.2.60:5060", mac=Mac(0x02ACCE000002)
)
WIPE = replace(REGISTERED, outcome=RegisterOutcome.REMOVED, at=NOW)
LOST = SubscriptionLost(
    watcher="1001", target="1002", host="192.0.2.50", reason="r", refreshed_at=NOW, at=NOW
)


def wiped_by(*removed: Registration) -> SipLosses:
    losses = SipLosses()
    for item in removed:
        losses.on_event(PhoneUnregistered(registration=item, reason="removed", at=NOW))
    losses.on_event(RegisterHeard(note=WIPE))
    return losses


def back(registration: Registration) -> PhoneRegistered:
    return PhoneRegistered(registration=registration, is_new=True, was_rebooted=False, at=NOW)


def test_others_that_one_register_removed_are_victims_until_they_are_back() -> None:
    losses = wiped_by(BINDING, OTHER)
    [wiped] = losses.wiped()
    assert wiped.victims == (OTHER,)
    losses.on_event(back(BINDING))
    assert len(losses.wiped()) == 1
    losses.on_event(back(replace(OTHER, source="udp:192.0.2.61:5060")))
    assert losses.wiped() == ()


def test_a_victim_without_a_mac_is_known_by_its_address() -> None:
    losses = wiped_by(replace(OTHER, mac=None))
    losses.on_event(back(replace(OTHER, mac=MAC, contact="sip:other")))
    assert losses.wiped() == ()


def test_a_phone_that_removes_itself_has_no_victims() -> None:
    assert wiped_by(BINDING).wiped() == ()


def test_extensions_are_bounded() -> None:
    losses = SipLosses()
    for n in range(EXTENSIONS + 5):
        item = replace(OTHER, extension=str(n))
        losses.on_event(PhoneUnregistered(registration=item, reason="removed", at=NOW))
        losses.on_event(RegisterHeard(note=replace(WIPE, extension=str(n))))
    assert len(losses.wiped()) == EXTENSIONS


def test_lamps_are_bounded_and_forgotten_when_they_are_back() -> None:
    losses = SipLosses()
    for n in range(LAMPS + 5):
        losses.on_event(replace(LOST, target=str(n)))
    assert len(losses.lamps()) == LAMPS
    target = str(LAMPS + 4)
    assert losses.lamps()[0].target == target
    losses.on_event(SubscriptionRegained(watcher="1001", target=target, host=LOST.host, at=NOW))
    assert losses.lamps()[0].target != target
