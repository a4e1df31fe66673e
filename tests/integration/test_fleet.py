"""Fleets of simulated phones of every maker against the real PBX, scenario by scenario."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.core.events import RebootAdvanced
from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep
from offhook.simulator import fleet as fleets
from offhook.simulator.conduct import Conduct, Stage
from offhook.simulator.fleet import NotAllowedError, open_fleet, run_scenario
from offhook.simulator.scenarios.boot_storm import BootStorm, boot_all
from offhook.simulator.scenarios.junk import Junk
from offhook.simulator.scenarios.reprovision import Reprovision
from offhook.simulator.scenarios.steady import Steady
from offhook.simulator.site import Site, SiteError, planned
from offhook.vendors import load_profiles
from tests.integration.certificates import Authority
from tests.integration.fleets import house, playing
from tests.integration.running import Running, client, running_pbx

COUNT = 50
"""Ten phones of each maker, each of another model as long as there are."""


async def test_all_phones_come_up_right_after_a_power_cut(running: Running) -> None:
    async with house(running, COUNT) as of, playing(of) as fleet:
        report = await run_scenario(BootStorm(within_s=0.5), fleet)
        assert report.is_clean, report.failures
        assert report.is_whole
        assert report.figures["right"] == COUNT
        assert report.figures["all_right_s"] > 0
        assert {row.maker: (row.phones, row.right) for row in report.makers} == {
            profile.label: (10, 10) for profile in load_profiles()
        }
        assert report.times_s["boot"].count == report.counts["register"] == COUNT
        assert report.counts["fetch"] == report.times_s["fetch"].count
        registered = running.pbx.engine.registrations()
        assert len(registered) == COUNT
        assert len({item.contact for item in registered}) == COUNT
        # Each phone is a host of its own, for the PBX as well.
        assert len({item.contact.partition("@")[2].partition(":")[0] for item in registered}) == 50


async def test_the_second_boot_asks_for_nothing_that_it_has(running: Running) -> None:
    async with house(running, 10) as of, playing(of) as fleet:
        await run_scenario(BootStorm(within_s=0.1), fleet)
        served = fleet.record.counts["fetch_200"]
        report = await run_scenario(BootStorm(within_s=0.1), fleet)
        assert report.counts["fetch_200"] == report.counts["fetch_304"] == served
        assert report.counts["register"] == 20
        # It came back as the phone it was: nothing is registered twice.
        assert len(running.pbx.engine.registrations()) == 10


async def test_phones_without_addresses_of_their_own_have_ports(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleets, "can_share", lambda: False)
    async with house(running, 5) as of, playing(of) as fleet:
        report = await run_scenario(Reprovision(site=of.site, rename=0, within_s=0.1), fleet)
        assert report.is_clean, report.failures
        assert not fleet.has_addresses
        contacts = {item.contact.partition("@")[2] for item in running.pbx.engine.registrations()}
        assert {place.partition(":")[0] for place in contacts} == {"127.0.0.1"}
        assert len(contacts) == 5


@pytest.mark.parametrize("connections", ["keep-alive", "close"])
async def test_all_makers_connections_can_be_made_the_same(
    running: Running, connections: str
) -> None:
    conduct = Conduct(patience_s=30, connections=connections)
    async with house(running, 10) as of, playing(of, conduct) as fleet:
        report = await run_scenario(BootStorm(within_s=0.1), fleet)
        assert report.is_clean, report.failures
        assert report.figures["right"] == 10


async def test_phones_fetch_over_https(running: Running, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Authority().write(tmp_path / "pbx.pem"))

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pbx_reader, pbx_writer = await asyncio.open_connection("127.0.0.1", running.http.port)
        pbx_writer.write(await reader.readuntil(b"\r\n\r\n"))
        writer.write(await pbx_reader.read())
        await writer.drain()
        writer.close()
        pbx_writer.close()

    listening = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    async with listening, house(running, 5) as of:
        port = listening.sockets[0].getsockname()[1]
        conduct = Conduct(patience_s=30, connections="close")
        fleet = await open_fleet(of.specs, f"https://127.0.0.1:{port}/provision/", conduct=conduct)
        try:
            report = await run_scenario(BootStorm(within_s=0.1), fleet)
            assert report.is_clean, report.failures
            assert report.figures["right"] == 5
        finally:
            await fleet.close()


async def test_every_failure_is_counted_and_named(running: Running) -> None:
    async with house(running, 20) as of, playing(of) as fleet:
        gone, wrong, other = (phone.spec for phone in fleet.phones[:3])
        async with client(running) as api:
            await api.delete(f"/api/provisioning/devices/{gone.mac.plain}")
            keys = wrong.profile.behaviour.account
            body = {"settings": {keys.secret: "not-the-secret-on-record"}}
            answer = await api.patch(f"/api/provisioning/devices/{wrong.mac.plain}", json=body)
            assert answer.status_code == 200, answer.text
            body = {"name": "Renamed meanwhile"}
            answer = await api.patch(f"/api/extensions/{other.number}", json=body)
            assert answer.status_code == 200, answer.text
        report = await run_scenario(BootStorm(within_s=0.1), fleet)
        assert report.figures["right"] == 17
        assert "all_right_s" not in report.figures
        found = {item.kind: (item.count, item.phones) for item in report.failures}
        labels = [phone.label for phone in fleet.phones[:3]]
        assert found == {
            "account: none, HTTP 404 for its file": (1, (labels[0],)),
            "register: 401 Unauthorized": (1, (labels[1],)),
            "account: with another name": (1, (labels[2],)),
        }
        assert labels[0].startswith("02:53:49:4D:00:00 ")
        assert labels[0].endswith(" 900000")


async def test_a_server_that_is_away_is_tried_again_and_then_named(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running, house(running, 5) as of:
        fleet = await open_fleet(of.specs, of.folder, conduct=Conduct(patience_s=1.2))
    try:
        report = await run_scenario(BootStorm(within_s=0.0), fleet)
        assert fleet.stages[Stage.FAILED] == 5
        assert [(item.kind, item.count) for item in report.failures] == [
            ("fetch: Connection refused", 5)
        ]
        assert [item.kind for item in report.retried] == ["fetch: Connection refused"]
    finally:
        await fleet.close()


async def test_phones_stay_registered_look_for_files_and_call_each_other(
    running: Running,
) -> None:
    conduct = Conduct(patience_s=30, speed=2400, refetch_every_s=2400, expires_s=3600)
    async with house(running, 20) as of, playing(of, conduct) as fleet:
        scenario = Steady(within_s=0.2, seconds=3, calls=5, talk_s=0.2)
        report = await run_scenario(scenario, fleet)
        assert report.is_clean, report.failures
        assert report.figures["right"] == 20
        assert report.figures["lost"] == report.figures["calls_unended"] == 0
        # Half of 3600 s, 2400 times faster, is 0.75 s; a look for files comes each second.
        assert report.counts["refresh"] >= 20
        assert report.counts["fetch_304"] >= 20
        assert report.counts["register"] == 20
        assert report.counts["calls"] >= 10
        assert report.counts["calls_good"] == report.counts["calls"]
        assert report.times_s["call_to_ringing"].count == report.counts["calls"]
        assert running.pbx.engine.calls() == ()


async def test_a_call_to_nobody_is_named(running: Running) -> None:
    async with house(running, 5) as of, playing(of) as fleet:
        await boot_all(fleet, 0.1)
        nobody = fleet.phones[1]
        nobody.spec = replace(nobody.spec, number="999999")
        await fleet.phones[0].call(nobody, 0.1)
        (failure,) = fleet.record.failures()
        assert failure.kind == "call: INVITE 404 Not Found"
        assert failure.phones == (fleet.phones[0].label,)
        assert failure.example == "to 999999"


async def test_exactly_the_renamed_are_told_and_take_it_over(running: Running) -> None:
    told: dict[str, Reboot] = {}
    running.pbx.events.subscribe(
        lambda event: (
            told.__setitem__(event.reboot.extension, event.reboot)
            if isinstance(event, RebootAdvanced)
            else None
        )
    )
    async with house(running, 30) as of, playing(of) as fleet:
        report = await run_scenario(Reprovision(site=of.site, rename=10, within_s=0.2), fleet)
        assert report.is_clean, report.failures
        assert (report.figures["renamed"], report.figures["touched"]) == (10, 0)
        assert report.figures["done_s"] > 0
        assert report.counts["notify"] == report.times_s["notify_to_fetch"].count == 10
        assert report.times_s["notify_to_registered"].count == 10
        assert report.times_s["rename"].count == 10
        assert report.times_s["fetch_meanwhile"].count > 0
        assert report.figures["right"] == 30
        # The PBX has seen the same: those that challenge were answered, and all came back.
        assert len(told) == 10
        challenging = {
            phone.spec.number
            for phone in fleet.phones
            if phone.spec.profile.behaviour.challenges_notify
        }
        assert challenging & told.keys()
        for number, reboot in told.items():
            assert reboot.step is RebootStep.REGISTERED
            assert reboot.was_challenged is (number in challenging)


async def test_a_phone_that_is_not_told_is_named(running: Running) -> None:
    async with house(running, 5) as of, playing(of) as fleet:
        scenario = Reprovision(site=of.site, rename=0, within_s=0.1, patience_s=4)
        deaf = fleet.phones[2]
        deaf.orders = set()
        report = await run_scenario(scenario, fleet)
        assert [(item.kind, item.phones) for item in report.failures] == [
            ("reprovision: not told", (deaf.label,))
        ]
        assert report.counts["notify_ignored"] == 1
        assert "done_s" not in report.figures


async def test_known_phones_are_measured_beside_junk(running: Running) -> None:
    async with house(running, 10) as of, playing(of) as fleet:
        report = await run_scenario(Junk(within_s=0.1, seconds=1.5, rate=100), fleet)
        assert report.is_clean, report.failures
        assert report.times_s["fetch_in_quiet"].count > 0
        assert report.times_s["fetch_beside_junk"].count > 0
        assert report.figures["p99_ratio"] > 0
        counts = report.counts
        answered = sum(value for name, value in counts.items() if name.startswith("junk_"))
        assert counts["junk"] - 16 <= answered <= counts["junk"]
        assert counts["junk_unknown_404"] > 0
        assert counts["junk_placeholder_400"] > 0
        assert not any(name.endswith("_200") and name.startswith("junk_") for name in counts)


async def test_a_person_may_end_it_early(running: Running) -> None:
    async with house(running, 5) as of, playing(of) as fleet:
        stop = asyncio.Event()
        asyncio.get_running_loop().call_later(0.5, stop.set)
        report = await run_scenario(Steady(within_s=0.1, seconds=600), fleet, stop=stop)
        assert not report.is_whole
        assert report.figures["right"] == 5


async def test_a_fleet_stays_on_this_machine_unless_told(running: Running) -> None:
    with pytest.raises(NotAllowedError, match=r"192\.0\.2\.1 is not this machine"):
        await open_fleet(planned(1, 900000), "http://192.0.2.1/provision/")
    with pytest.raises(ValueError, match="does not end in a slash"):
        await open_fleet([], f"{running.url}/provision/a.cfg")


async def test_it_registers_nowhere_else_whatever_its_file_says(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(running, 3) as of, playing(of) as fleet:
        monkeypatch.setattr(fleets, "is_this_host", lambda host: False)
        report = await run_scenario(BootStorm(within_s=0.0), fleet)
        assert {item.kind for item in report.failures} == {
            "register: 127.0.0.1 is not this machine, so nothing is sent there"
        }
        assert running.pbx.engine.registrations() == ()


# Their devices ---------------------------------------------------------------------------------


async def test_what_was_made_is_found_again_and_removed(running: Running) -> None:
    async with house(running, 12) as of:
        marked = await of.site.marked()
        assert [item.spec for item in marked] == list(of.specs)
        await of.site.add(of.specs[:2])  # what is there already stays as it is
        assert await of.site.own_devices(10) == []
        await of.site.remove(marked)
        assert await of.site.marked() == []
        assert not running.pbx.state.devices
        assert not running.pbx.state.extensions


async def test_what_is_a_persons_is_neither_taken_nor_removed(running: Running) -> None:
    async with house(running, 1) as of, client(running) as api:
        await api.post("/api/extensions", json={"number": "900001", "name": "Ada"})
        with pytest.raises(SiteError, match="extension 900001 exists") as refused:
            await of.site.add(planned(2, 900000)[1:])
        assert "--first-number" in refused.value.hint
        body = {
            "mac_address": "00:15:65:12:34:56",
            "extension_number": "900001",
            "vendor": "yealink",
            "model": "t46s",
        }
        await api.post("/api/provisioning/devices", json=body)
        (own,) = await of.site.own_devices(10)
        assert (own.mac, own.number) == (Mac(0x001565123456), "900001")
        await of.site.remove(await of.site.marked())
        assert set(running.pbx.state.extensions) == {"900001"}
        assert len(running.pbx.state.devices) == 1


async def test_a_pbx_that_is_no_pbx_is_told(running: Running) -> None:
    async with house(running, 0) as of:
        with pytest.raises(SiteError, match="extension 999999 does not exist") as refused:
            await of.site.rename("999999", "Nobody")
        assert refused.value.status == 404
    site = Site(replace(of.site.place, port=1))
    with pytest.raises(SiteError, match="does not answer"):
        await site.marked()
