"""Orders of several nodes: one sends them, the others learn; what a dead node began is ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from offhook.actions.lead import Lead
from offhook.actions.ports import NotifyKind, NotifyOutcome
from offhook.actions.reboots import Reboots
from offhook.core.events import AttemptRecorded, Event, RebootAdvanced
from offhook.core.model import Device, Reboot, RebootStep
from offhook.errors import StoreError
from tests.fakes import FakeRebootStore
from tests.unit.actions.test_reboots import order, phone
from tests.world import World, settle, until


@dataclass(slots=True)
class SharedStore(FakeRebootStore):
    """As the database is for one node: fenced by `leads`, a lease that a test takes away."""

    leads: bool = True
    is_away: bool = False
    pause: Callable[[], None] = lambda: None
    claims: list[str] = field(default_factory=list)

    async def put_reboots(self, records: Sequence[Reboot]) -> None:
        for record in records:
            if self.leads or record.id not in self.kept:
                self.kept[record.id] = record

    async def claim_reboot(self, reboot: Reboot, at: datetime) -> bool:
        if self.is_away:
            self.is_away = False
            raise StoreError("the database is gone")
        kept = self.kept.setdefault(reboot.id, reboot)
        if not self.leads or kept.sent_by:
            return False
        self.kept[reboot.id] = replace(kept, sent_by="us", claimed_at=at, tries=kept.tries + 1)
        self.claims.append(reboot.id)
        self.pause()
        return True

    async def force_reboots(self, ids: Collection[str]) -> None:
        for item in ids:
            self.kept[item] = replace(self.kept[item], is_forced=True)


class Node(World):
    """A world that is one node of several."""

    def assemble(self) -> None:
        self.lead = Lead(is_alone=False, monotonic=self.clock.monotonic)
        self.shared = SharedStore()
        super().assemble()
        self.reboots = Reboots(
            state=self.state,
            engine=self.engine,
            store=self.shared,
            publish=self.events.publish,
            now=self.clock.now,
            new_id=lambda: next(self.ids),
            policy=self.reboot_policy,
            lead=self.lead,
            node="us",
            publish_elsewhere=self.events.publish_elsewhere,
        )
        self.events.subscribe(self.reboots.on_event, hears_others=True)

    async def lead_now(self, seconds: float = 1e6) -> None:
        self.lead.hold(self.clock.monotonic() + seconds)
        self.shared.leads = True
        await self.reboots.take_up()

    async def lose(self) -> None:
        self.lead.hold(float("-inf"))
        self.shared.leads = False
        await self.reboots.stand_down()

    def step(self, reboot: Reboot) -> RebootStep:
        return self.shared.kept.get(reboot.id, reboot).step


async def made() -> tuple[Node, Device]:
    node = await Node.make()
    assert isinstance(node, Node)
    return node, await phone(node)


async def test_who_does_not_lead_only_asks() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    await settle()
    assert node.engine.orders == []
    assert node.step(asked) is RebootStep.PENDING
    sent = replace(asked, step=RebootStep.NOTIFIED, sent_by="other")
    heard = []
    node.events.subscribe(heard.append, hears_others=True)
    node.reboots.learn([sent])
    assert heard == [RebootAdvanced(reboot=sent)]
    assert node.reboots.current(asked.id) == sent
    assert await node.reboots.wait_sent([asked], 1) == [sent]


async def test_who_does_not_lead_moves_nothing_on() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    node.reboots.learn([replace(asked, step=RebootStep.NOTIFIED)])
    await node.fetch(device)
    node.clock.pass_s(10_000)
    node.reboots.sweep()
    await settle()
    assert node.step(asked) is RebootStep.PENDING


async def test_who_leads_sends_what_others_ask_for() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    await settle()
    await node.lead_now()
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    assert node.shared.claims == [asked.id]
    await node.fetch(device)
    await until(lambda: node.step(asked) is RebootStep.FETCHED)
    other = replace(asked, id="from-elsewhere")
    node.reboots.learn([other])
    await until(lambda: node.step(other) is RebootStep.ANSWERED)
    assert len(node.engine.orders) == 2


async def test_an_order_that_came_twice_is_sent_once() -> None:
    node, device = await made()
    await node.lead_now()
    (asked,) = order(node, device)
    node.reboots.learn([asked, asked])
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    node.reboots.learn([asked])
    await settle()
    assert len(node.engine.orders) == 1


async def test_a_phone_may_fetch_elsewhere_before_we_know_that_its_order_left() -> None:
    node, device = await made()
    await node.lead_now()
    heard: list[Event] = []
    node.events.subscribe(heard.append)
    await node.fetch(device)
    (fetch,) = [it.attempt for it in heard if isinstance(it, AttemptRecorded)]
    node.clock.pass_s(60)
    before, left_at = node.clock.now(), node.clock.now() + timedelta(milliseconds=50)
    node.shared.pause = lambda: node.clock.pass_s(0.05)  # from the claim until it leaves
    node.engine.on_leave = lambda: node.clock.pass_s(0.01)
    (asked,) = order(node, device)
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    assert node.shared.kept[asked.id].steps[RebootStep.NOTIFIED] == left_at
    for at, step in (
        (before, RebootStep.ANSWERED),
        (left_at + timedelta(milliseconds=1), RebootStep.FETCHED),
    ):
        seen = replace(fetch, at=at)
        node.events.publish_elsewhere(AttemptRecorded(attempt=seen))
        await node.reboots.saved(1)
        assert node.step(asked) is step


async def test_an_order_for_a_phone_that_went_away_ends() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    node.engine.bindings.clear()
    await node.lead_now()
    node.reboots.sweep()
    await until(lambda: node.step(asked) is RebootStep.FAILED)
    assert "not registered any more" in node.shared.kept[asked.id].detail


async def test_who_lost_the_lead_before_the_claim_sends_nothing() -> None:
    node, device = await made()
    await node.lead_now()
    node.shared.leads = False  # the database knows before we do
    (asked,) = order(node, device)
    await settle()
    assert node.engine.orders == []
    assert node.step(asked) is RebootStep.PENDING


async def test_who_stood_still_after_the_claim_sends_nothing() -> None:
    node, device = await made()
    await node.lead_now(4)
    node.shared.pause = lambda: node.clock.pass_s(5)
    (asked,) = order(node, device)
    await settle()
    assert node.engine.orders == []
    assert node.shared.kept[asked.id].sent_by == "us"


async def test_an_order_waits_for_a_database_that_is_away() -> None:
    node, device = await made()
    await node.lead_now()
    node.shared.is_away = True
    (asked,) = order(node, device)
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    assert len(node.engine.orders) == 1


async def test_what_a_dead_node_may_have_sent_is_proved_by_a_fetch() -> None:
    node, device = await made()
    taken = await in_doubt(node, device)
    await node.fetch(device)
    node.reboots.sweep()
    await until(lambda: node.step(taken) is RebootStep.FETCHED)
    assert node.engine.orders == []


async def test_a_fetch_of_before_the_takeover_proves_it_too() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    await node.fetch(device)
    node.shared.kept[asked.id] = replace(
        asked, sent_by="dead", claimed_at=node.clock.now() - timedelta(seconds=1), tries=1
    )
    await node.lead_now()
    node.reboots.sweep()
    await until(lambda: node.step(asked) is RebootStep.FETCHED)
    assert node.engine.orders == []


async def test_what_a_dead_node_did_not_send_is_sent_once_more() -> None:
    node, device = await made()
    taken = await in_doubt(node, device)
    node.clock.pass_s(299)
    node.reboots.sweep()
    await settle()
    assert node.engine.orders == []
    node.clock.pass_s(2)
    node.reboots.sweep()
    await until(lambda: node.step(taken) is RebootStep.ANSWERED)
    assert len(node.engine.orders) == 1
    assert node.shared.kept[taken.id].tries == 2


async def test_what_the_engine_knows_to_have_left_is_not_sent_again() -> None:
    node, device = await made()
    node.engine.left["reboot-000001-1"] = True
    taken = await in_doubt(node, device)
    assert node.step(taken) is RebootStep.UNANSWERED
    node.clock.pass_s(301)
    node.reboots.sweep()
    await settle()
    assert node.engine.orders == []
    await node.fetch(device)
    await until(lambda: node.step(taken) is RebootStep.FETCHED)


async def test_what_the_engine_knows_not_to_have_left_is_sent_at_once() -> None:
    node, device = await made()
    node.engine.left["reboot-000001-1"] = False
    taken = await in_doubt(node, device)
    await until(lambda: node.step(taken) is RebootStep.ANSWERED)
    (sent,) = node.engine.orders
    assert sent.call_id == "reboot-000001-2"
    assert sent.is_ours()
    await node.lose()
    assert not sent.is_ours()


async def test_what_two_nodes_died_over_ends() -> None:
    node, device = await made()
    taken = await in_doubt(node, device, tries=2)
    node.clock.pass_s(301)
    node.reboots.sweep()
    await until(lambda: node.step(taken) is RebootStep.UNANSWERED)
    ended = node.shared.kept[taken.id]
    assert (ended.fault, node.engine.orders) == ("P601", [])


async def test_what_was_sent_and_not_answered_is_followed_on() -> None:
    node, device = await made()
    (asked,) = order(node, device)
    await settle()
    moment = node.clock.now()
    node.shared.kept[asked.id] = replace(
        asked, step=RebootStep.NOTIFIED, steps={RebootStep.NOTIFIED: moment}, sent_by="dead"
    )
    await node.lead_now()
    await until(lambda: node.step(asked) is RebootStep.UNANSWERED)
    await node.fetch(device)
    await until(lambda: node.step(asked) is RebootStep.FETCHED)
    assert node.shared.kept[asked.id].fault == ""


async def test_who_lost_the_lead_leaves_what_it_had_not_sent() -> None:
    node, device = await made()
    await node.lead_now()
    node.engine.scripts[node.engine.bindings[0].contact] = NotifyOutcome(kind=NotifyKind.ACCEPTED)
    waiting = [order(node, device)[0]]
    await node.lose()
    await settle()
    assert node.engine.orders == []
    assert node.step(waiting[0]) is RebootStep.PENDING
    await node.lead_now()
    await until(lambda: node.step(waiting[0]) is RebootStep.ANSWERED)
    assert len(node.engine.orders) == 1


async def test_who_was_stopped_hears_what_became_of_its_orders_before_it_stands_down() -> None:
    node, device = await made()
    await node.lead_now(4)
    (asked,) = order(node, device)
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    node.clock.pass_s(5)
    assert not node.lead.is_held
    ended = replace(asked, step=RebootStep.FETCHED, sent_by="us")
    node.reboots.learn([ended])
    assert node.reboots.current(asked.id) == ended


async def test_who_leads_anew_learns_late_how_an_order_ended() -> None:
    node, device = await made()
    await node.lead_now()
    (asked,) = order(node, device)
    await until(lambda: node.step(asked) is RebootStep.ANSWERED)
    ended = replace(asked, step=RebootStep.REGISTERED)
    node.reboots.learn([ended])
    assert node.reboots.current(asked.id) is None  # it has ended, so nobody follows it


async def test_a_forced_order_is_forced_at_the_node_that_leads() -> None:
    node, device = await made()
    targets = node.reboots.targets_of(device)
    (asked,) = node.reboots.order(
        targets, reason="test", asked_by="tester", is_automatic=False, is_forced=True
    )
    await until(lambda: node.shared.kept.get(asked.id, asked).is_forced)


async def in_doubt(node: Node, device: Device, tries: int = 1) -> Reboot:
    """An order that a node took, which then died; this one leads now."""
    (asked,) = order(node, device)
    await settle()
    taken = replace(asked, sent_by="dead", claimed_at=node.clock.now(), tries=tries)
    node.shared.kept[asked.id] = taken
    await node.lead_now()
    await settle()
    return taken
