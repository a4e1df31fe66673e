"""The location table: expiry, restore, and a random walk against a simple model."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from offhook.sip.bindings import (
    OUT_OF_ORDER,
    Ask,
    Binding,
    BindingTable,
    Bound,
    Conflict,
    Source,
    Unbound,
)
from offhook.sip.uri import SipUri, parse_uri


def binding(
    contact: str = "sip:1001@h",
    *,
    aor: str = "1001",
    call_id: str = "c",
    cseq: int = 1,
    now: float = 0.0,
    lives_s: float = 60.0,
    source: str = "udp:192.0.2.1:5060",
) -> Binding:
    return Binding(
        aor=aor,
        contact=contact,
        source=source,
        call_id=call_id,
        cseq=cseq,
        registered_at=now,
        refreshed_at=now,
        expires_at=now + lives_s,
    )


def ask(made: Binding, *, is_removal: bool = False) -> Ask:
    uri = parse_uri(made.contact)
    assert isinstance(uri, SipUri)
    return Ask(uri=uri, binding=made, is_removal=is_removal)


def test_expired_bindings_go_in_time() -> None:
    table = BindingTable(max_contacts=5)
    table.apply("1001", [ask(binding("sip:a@h", lives_s=60)), ask(binding("sip:b@h", lives_s=90))])
    assert table.expire(59.9) == ()
    assert [gone.binding.contact for gone in table.expire(60.0)] == ["sip:a@h"]
    assert [gone.reason for gone in table.expire(100.0)] == ["expired"]
    assert len(table) == 0


def test_a_refreshed_binding_outlives_its_first_term() -> None:
    table = BindingTable(max_contacts=5)
    table.apply("1001", [ask(binding(lives_s=60))])
    table.apply("1001", [ask(binding(cseq=2, now=50, lives_s=60))])
    assert table.expire(60.0) == ()
    assert len(table.expire(110.0)) == 1


def test_a_shortened_binding_goes_earlier() -> None:
    table = BindingTable(max_contacts=5)
    table.apply("1001", [ask(binding(lives_s=3600))])
    table.apply("1001", [ask(binding(cseq=2, lives_s=60))])
    assert len(table.expire(60.0)) == 1
    assert table.expire(3600.0) == ()


def test_dropping_gives_what_was_there() -> None:
    table = BindingTable(max_contacts=5)
    table.apply("1001", [ask(binding())])
    assert [gone.reason for gone in table.drop("1001")] == ["removed"]
    assert table.drop("1001") == ()
    assert table.expire(1000.0) == ()


def test_a_restart_brings_back_what_can_be_read() -> None:
    table = BindingTable(max_contacts=5)
    kept = [binding("sip:a@192.0.2.1:5060", lives_s=60), binding("sip:b@h", lives_s=200)]
    for one in (*kept, binding("no uri", lives_s=200)):
        table.restore(one)
    assert list(table.all()) == kept
    for one in kept:
        uri = parse_uri(one.contact)
        assert isinstance(uri, SipUri)
        assert table.at(uri) == (one,)
    assert len(table.expire(60.0)) == 1
    assert len(table.expire(200.0)) == 1


def test_a_contact_removed_in_the_request_that_made_it_is_gone() -> None:
    table = BindingTable(max_contacts=1)
    effects = table.apply("1001", [ask(binding()), ask(binding(), is_removal=True)])
    assert not isinstance(effects, Conflict)
    assert [type(effect) for effect in effects] == [Bound, Unbound]
    assert len(table) == 0


def test_sources_are_written_with_brackets_for_ipv6() -> None:
    assert str(Source(transport="udp", host="::1", port=5060)) == "udp:[::1]:5060"
    assert str(Source(transport="tcp", host="192.0.2.1", port=1)) == "tcp:192.0.2.1:1"


class Walk(RuleBasedStateMachine):
    """Random REGISTERs of three extensions from different hosts against plain dictionaries."""

    MAX = 3

    def __init__(self) -> None:
        super().__init__()
        self.table = BindingTable(max_contacts=self.MAX)
        self.model: dict[str, dict[str, Binding]] = {}
        self.now = 0.0

    @rule(
        aor=st.sampled_from(["1", "2"]),
        user=st.sampled_from("abcde"),
        call_id=st.sampled_from(["x", "y"]),
        cseq=st.integers(1, 6),
        lives_s=st.sampled_from([0, 60, 100, 300]),
    )
    def register(self, aor: str, user: str, call_id: str, cseq: int, lives_s: int) -> None:
        made = binding(
            f"sip:{user}@h",
            aor=aor,
            call_id=call_id,
            cseq=cseq,
            now=self.now,
            lives_s=lives_s,
            source=f"udp:host-{user}:5060",
        )
        mine = self.model.setdefault(aor, {})
        old = mine.get(made.contact)
        outcome = self.table.apply(aor, [ask(made, is_removal=lives_s == 0)])
        if old is not None and old.call_id == call_id and cseq <= old.cseq:
            assert outcome == OUT_OF_ORDER
        elif lives_s == 0:
            mine.pop(made.contact, None)
        elif old is None and len(mine) >= self.MAX:
            assert isinstance(outcome, Conflict)
            assert outcome.status == 403
        else:
            assert not isinstance(outcome, Conflict)
            mine[made.contact] = made

    @rule(aor=st.sampled_from(["1", "2"]), call_id=st.sampled_from("xyz"), cseq=st.integers(1, 6))
    def star(self, aor: str, call_id: str, cseq: int) -> None:
        mine = self.model.get(aor, {})
        is_late = any(old.call_id == call_id and cseq <= old.cseq for old in mine.values())
        outcome = self.table.clear(aor, call_id, cseq)
        assert isinstance(outcome, Conflict) is is_late
        if not is_late:
            self.model[aor] = {}

    @rule(seconds=st.integers(1, 120))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        expired = {gone.binding.contact + gone.binding.aor for gone in self.table.expire(self.now)}
        wanted = set()
        for aor, mine in self.model.items():
            for contact, old in list(mine.items()):
                if old.expires_at <= self.now:
                    wanted.add(contact + aor)
                    del mine[contact]
        assert expired == wanted

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        for aor, mine in self.model.items():
            stored = {kept.contact: kept.expires_at for kept in self.table.of(aor)}
            assert stored == {contact: kept.expires_at for contact, kept in mine.items()}
        assert len(self.table) == sum(map(len, self.model.values()))


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestWalk = Walk.TestCase
