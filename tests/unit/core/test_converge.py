"""Which registration belongs to which device: a table of situations."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.converge import registrations_of, stale_files
from offhook.core.mac import Mac
from offhook.core.model import Device, Line, Registration, Sighting
from offhook.core.secret import Secret
from offhook.diagnosis.examples import ACME, BOLT
from tests.world import registration

NOW = datetime(2025, 12, 5, 19, 0, tzinfo=UTC)
PROFILES = {"acme": ACME, "bolt": BOLT}
DESK = "192.168.1.50"
ELSEWHERE = "192.168.1.60"
NAT = "192.168.7.1"
ONE = "Acme one 1.0"
TWO = "Acme two 1.0"
NINE = "Acme nine 1.0"
BOLT_ONE = "Bolt one 1.0"
BARESIP = "baresip v1.0.0"


def device(number: int, model: str = "one", vendor: str = "acme") -> Device:
    return Device(
        mac=Mac(0x02ACCE000000 + number),
        vendor=vendor,
        model=model,
        lines=(Line(index=1, extension="1001"),),
        admin_password=Secret("example"),
        created_at=NOW,
        updated_at=NOW,
    )


A, B, C = device(1), device(2), device(3)
A_TWO, B_TWO, B_BOLT = device(1, "two"), device(2, "two"), device(2, vendor="bolt")


def seen(owner: Device, address: str, agent: str = "") -> Sighting:
    return Sighting(mac=owner.mac, address=address, user_agent=agent, last_provisioned=NOW)


def at(
    address: str, agent: str = "", owner: Device | None = None, *, port: int = 5060, age_s: int = 60
) -> Registration:
    phone = owner.mac if owner else None
    return registration(address=address, port=port, user_agent=agent, phone=phone, age_s=age_s)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Devices of one extension, what was seen of them, and the bindings each should get."""

    devices: tuple[Device, ...]
    bindings: tuple[Registration, ...]
    expected: tuple[tuple[int, ...], ...]
    sightings: tuple[Sighting, ...] = ()


CASES = {
    "the MAC is told": Case(
        devices=(A, B),
        bindings=(at(DESK, ONE, A), at(DESK, ONE, B, port=5062)),
        expected=((0,), (1,)),
    ),
    "the MAC told is of no device here": Case(
        devices=(A,), bindings=(at(DESK, ONE, C),), sightings=(seen(A, DESK),), expected=((),)
    ),
    "a stale contact and a new one, the MAC told": Case(
        devices=(A,),
        bindings=(at(DESK, ONE, A, age_s=900), at(ELSEWHERE, ONE, A)),
        expected=((1, 0),),
    ),
    "a stale contact and a new one of one phone that moved": Case(
        devices=(A, B),
        bindings=(at(DESK, ONE, age_s=900), at(ELSEWHERE, ONE)),
        sightings=(seen(A, ELSEWHERE, ONE),),
        expected=((1,), (0,)),
    ),
    "a stale contact and a new one at one address leave nothing to a sibling": Case(
        devices=(A, B),
        bindings=(at(DESK, ONE, port=5060, age_s=900), at(DESK, ONE, port=6060)),
        sightings=(seen(A, DESK, ONE),),
        expected=((1, 0), ()),
    ),
    "same model, each known by its address": Case(
        devices=(A, B),
        bindings=(at(DESK, ONE), at(ELSEWHERE, ONE)),
        sightings=(seen(A, DESK), seen(B, ELSEWHERE)),
        expected=((0,), (1,)),
    ),
    "same model, only the sibling registered": Case(
        devices=(A, B), bindings=(at(DESK, ONE),), sightings=(seen(A, DESK),), expected=((0,), ())
    ),
    "same model behind one NAT address: each gets one": Case(
        devices=(A, B),
        bindings=(at(NAT, ONE, port=1000, age_s=50), at(NAT, ONE, port=2000, age_s=60)),
        sightings=(seen(A, NAT), seen(B, NAT)),
        expected=((0,), (1,)),
    ),
    "same model behind one NAT address, one told its MAC": Case(
        devices=(A, B),
        bindings=(at(NAT, ONE, port=1000), at(NAT, ONE, B, port=2000)),
        sightings=(seen(A, NAT), seen(B, NAT)),
        expected=((0,), (1,)),
    ),
    "different models are told apart by the User-Agent": Case(
        devices=(A, B_TWO),
        bindings=(at(NAT, TWO, port=1000), at(NAT, ONE, port=2000)),
        sightings=(seen(A, NAT), seen(B_TWO, NAT)),
        expected=((1,), (0,)),
    ),
    "different models, only the sibling registered": Case(
        devices=(A, B_TWO), bindings=(at(NAT, TWO),), expected=((), (0,))
    ),
    "the sibling's stale contact is not ours": Case(
        devices=(A, B_TWO),
        bindings=(at(DESK, TWO), at(ELSEWHERE, TWO, age_s=900)),
        sightings=(seen(B_TWO, DESK, TWO),),
        expected=((), (0,)),
    ),
    "different makers": Case(
        devices=(A, B_BOLT),
        bindings=(at(NAT, BOLT_ONE, port=1000), at(NAT, ONE, port=2000)),
        expected=((1,), (0,)),
    ),
    "phone of another maker": Case(devices=(A,), bindings=(at(DESK, BOLT_ONE),), expected=((),)),
    "phone of another maker behind our NAT address": Case(
        devices=(A,), bindings=(at(NAT, BOLT_ONE),), sightings=(seen(A, NAT, ONE),), expected=((),)
    ),
    "recorded with the wrong maker, fetched from there with that agent": Case(
        devices=(A,),
        bindings=(at(DESK, BOLT_ONE),),
        sightings=(seen(A, DESK, BOLT_ONE),),
        expected=((0,),),
    ),
    "recorded with the wrong model": Case(
        devices=(A,), bindings=(at(DESK, TWO),), expected=((0,),)
    ),
    "maker known, model not": Case(devices=(A,), bindings=(at(DESK, NINE),), expected=((0,),)),
    "unknown agent at the address of the last fetch": Case(
        devices=(A, B),
        bindings=(at(DESK, BARESIP),),
        sightings=(seen(A, DESK),),
        expected=((0,), ()),
    ),
    "unknown agent, the only device never seen": Case(
        devices=(A,), bindings=(at(DESK, BARESIP),), expected=((0,),)
    ),
    "unknown agent, the only device seen elsewhere": Case(
        devices=(A,),
        bindings=(at(DESK, BARESIP),),
        sightings=(seen(A, ELSEWHERE),),
        expected=((0,),),
    ),
    "unknown agent beside a sibling known by its MAC at the same address": Case(
        devices=(A, B),
        bindings=(at(NAT, ONE, B, port=1000), at(NAT, BARESIP, port=2000)),
        sightings=(seen(B, NAT),),
        expected=((1,), (0,)),
    ),
    "unknown agent beside a sibling known by its agent at the same address": Case(
        devices=(A, B_TWO),
        bindings=(at(NAT, TWO, port=1000), at(NAT, BARESIP, port=2000)),
        sightings=(seen(B_TWO, NAT, TWO),),
        expected=((1,), (0,)),
    ),
    "unknown agent, two devices never seen: both are told": Case(
        devices=(A, B), bindings=(at(DESK, BARESIP),), expected=((0,), (0,))
    ),
    "softphone beside a registered phone that is known": Case(
        devices=(A,),
        bindings=(at(DESK, ONE), at(ELSEWHERE, BARESIP)),
        sightings=(seen(A, DESK),),
        expected=((0,),),
    ),
    "no registration at all": Case(devices=(A, B), bindings=(), expected=((), ())),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_gives_each_device_its_registrations(case: Case) -> None:
    sightings = {item.mac: item for item in case.sightings}
    got = [
        registrations_of(item, case.bindings, case.devices, sightings, PROFILES)
        for item in case.devices
    ]
    expected = [tuple(case.bindings[place] for place in places) for places in case.expected]
    assert got == expected


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_order_of_bindings_and_siblings_does_not_matter(case: Case) -> None:
    sightings = {item.mac: item for item in case.sightings}
    for item in case.devices:
        forth = registrations_of(item, case.bindings, case.devices, sightings, PROFILES)
        back = registrations_of(item, case.bindings[::-1], case.devices[::-1], sightings, PROFILES)
        assert forth == back


def test_device_need_not_be_among_the_siblings() -> None:
    assert registrations_of(A, [at(DESK, ONE)], [], {}, PROFILES) == (at(DESK, ONE),)


def test_device_of_a_maker_nobody_knows_takes_what_is_unidentified() -> None:
    lost = replace(A, vendor="gone")
    assert registrations_of(lost, [at(DESK, BARESIP)], [lost], {}, PROFILES)
    assert not registrations_of(lost, [at(DESK, ONE)], [lost], {}, PROFILES)


AGENTS = st.sampled_from([ONE, TWO, NINE, BOLT_ONE, BARESIP, ""])
ADDRESSES = st.sampled_from([DESK, ELSEWHERE, NAT])
OWNERS = st.sampled_from([None, A.mac, B.mac, C.mac])


@given(
    st.lists(st.tuples(ADDRESSES, AGENTS, OWNERS, st.integers(0, 99)), max_size=5, unique=True),
    st.sampled_from([(A, B), (A, B_TWO), (A_TWO, B_BOLT, C), (A, B, C)]),
    st.lists(st.one_of(st.none(), ADDRESSES), min_size=3, max_size=3),
)
def test_never_takes_what_a_sibling_is_known_by(
    rows: list[tuple[str, str, Mac | None, int]],
    devices: tuple[Device, ...],
    addresses: list[str | None],
) -> None:
    bindings = [
        replace(at(address, agent, port=1000 + place, age_s=age), mac=owner)
        for place, (address, agent, owner, age) in enumerate(rows)
    ]
    sightings = {
        item.mac: seen(item, address)
        for item, address in zip(devices, addresses, strict=False)
        if address
    }
    for item in devices:
        for binding in registrations_of(item, bindings, devices, sightings, PROFILES):
            assert binding.mac in (None, item.mac)
            if binding.mac is not None:
                continue
            for other in devices:
                if other is item:
                    continue
                assert binding.mac != other.mac
                is_theirs = (
                    not any(each.mac == other.mac for each in bindings)
                    and _fits(binding, other)
                    and _lives_at(binding, other, sightings)
                )
                is_mine = _fits(binding, item) and _lives_at(binding, item, sightings)
                assert is_mine or not is_theirs


def _fits(binding: Registration, owner: Device) -> bool:
    agent = PROFILES[owner.vendor].read_agent(binding.user_agent)
    return agent is not None and agent.model_text.lower() == owner.model


def _lives_at(binding: Registration, owner: Device, sightings: dict[Mac, Sighting]) -> bool:
    return owner.mac in sightings and sightings[owner.mac].address == binding.address


def test_stale_files_are_those_fetched_in_another_version() -> None:
    expected = {"a.cfg": "1", "b.cfg": "2", "c.cfg": "3"}
    assert stale_files(expected, {"a.cfg": "1", "b.cfg": "9", "z.cfg": "9"}) == ("b.cfg",)
    assert stale_files(expected, {}) == ()
