"""Orders to fetch again that a phone does not obey: silent, refusing, challenging, idle."""

from __future__ import annotations

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import Act, scenario


async def _changed(bench: Bench) -> str:
    """Change the name, which orders the phone to fetch; gives the reboot's id."""
    answer = await bench.call("PATCH", "/api/extensions/1001", {"name": "Ada King"})
    return str(answer["reboots"][0]["id"])


def _dead(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        phone.die()
        await bench.settled(await _changed(bench), "unanswered")
        return phone.mac.colons

    act.__name__ = f"{vendor}_was_unplugged_and_does_not_answer"
    return act


for _vendor in ("yealink", "polycom"):
    scenario("P601", r"NOTIFY .* to sip:1001@127\.0\.0\.1:\d+, no answer, unanswered")(
        _dead(_vendor)
    )


@scenario("P601", r"NOTIFY .*, no answer, unanswered")
async def ordered_phone_does_not_answer_without_a_change(bench: Bench) -> str:
    phone = await bench.well("zultys")
    phone.die()
    answer = await bench.call("POST", "/api/phones/1001/reboot")
    await bench.settled(answer["reboots"][0]["id"], "unanswered")
    return "1001"


def _challenging(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        phone.sip.is_silent = True  # it misses a change; the secret before the last is not tried
        answer = await bench.call("PATCH", "/api/extensions/1001", {"secret": "First9secret"})
        await bench.settled(answer["reboots"][0]["id"], "unanswered")
        phone.sip.is_silent = False
        answer = await bench.call("PATCH", "/api/extensions/1001", {"secret": "Second9secret"})
        await bench.settled(answer["reboots"][0]["id"], "challenged")
        return phone.mac.colons

    act.__name__ = f"{vendor}_wants_another_password_before_it_obeys"
    return act


for _vendor in ("cisco", "grandstream"):
    scenario("P602", r"NOTIFY .*, answer 40[13].*, challenged")(_challenging(_vendor))


def _refusing(status: int, vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        phone.sip.challenges_notify = False
        phone.sip.notify_status = status
        await bench.settled(await _changed(bench), "refused")
        return phone.mac.colons

    act.__name__ = f"{vendor}_refuses_the_order_with_{status}"
    return act


for _status, _vendor in ((489, "yealink"), (501, "polycom"), (403, "cisco"), (405, "zultys")):
    scenario("P603", rf"NOTIFY .*, answer {_status} Refused, refused")(_refusing(_status, _vendor))


def _idle(vendor: str, *, is_ordered: bool) -> Act:
    async def act(bench: Bench) -> str:
        phone = await bench.well(vendor)
        phone.sip.on_notify = lambda event: None
        if is_ordered:
            answer = await bench.call("POST", "/api/phones/1001/reboot")
            record = answer["reboots"][0]["id"]
        else:
            record = await _changed(bench)
        await bench.settled(record, "answered")
        bench.later(minutes=6)
        await bench.settled(record, "not_fetched")
        return phone.mac.colons

    what = "an_order" if is_ordered else "a_change"
    act.__name__ = f"{vendor}_accepts_{what}_and_stays_idle"
    return act


for _vendor, _is_ordered in (("cisco", False), ("polycom", True), ("grandstream", False)):
    scenario("P604", r"NOTIFY .*, answer 200 OK, not_fetched")(
        _idle(_vendor, is_ordered=_is_ordered)
    )
