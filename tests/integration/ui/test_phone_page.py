"""The page of one phone: its ladder, its tabs, and what can be done to it."""

from __future__ import annotations

import pytest
import pytest_asyncio

from offhook.core.inventory import SITE
from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn
from tests.integration.ui.three_phones import SECOND, YEALINK, add_three, simulated
from tests.world import mac

PAGE = f"/phones/{YEALINK}"


@pytest_asyncio.fixture(autouse=True)
async def three(running: Running) -> None:
    """Three phones in the inventory."""
    await add_three(running)


@pytest.mark.parametrize(
    "path",
    [PAGE, *(f"{PAGE}/{tab}" for tab in ("lines", "settings", "files", "actions", "timeline"))],
)
async def test_each_tab_answers_whole_and_as_a_piece(signed_in: SignedIn, path: str) -> None:
    whole = await signed_in.get(path)
    assert whole.status_code == 200, whole.text
    assert "00:15:65:00:00:01" in whole.text
    piece = await signed_in.get(path, as_fragment=True)
    assert piece.status_code == 200
    assert "<html" not in piece.text
    assert 'id="tab"' in piece.text


async def test_any_spelling_of_the_mac_leads_there(signed_in: SignedIn) -> None:
    assert (await signed_in.get("/phones/00-15-65-00-00-01")).status_code == 200
    assert (await signed_in.get("/phones/00:15:65:00:00:99")).status_code == 404
    assert (await signed_in.get("/phones/nonsense")).status_code == 400
    assert (await signed_in.get(f"{PAGE}/nonsense")).status_code == 404


async def test_the_ladder_shows_what_proves_each_stage(
    running: Running, signed_in: SignedIn
) -> None:
    before = (await signed_in.get(f"{PAGE}?part=head", as_fragment=True)).text
    assert "no request and no registration yet" in before
    assert "not connected" in before
    phone = simulated(running)
    try:
        assert await phone.boot()
        after = (await signed_in.get(f"{PAGE}?part=head", as_fragment=True)).text
        assert "asked for files from 127.0.0.1" in after
        assert "registered as 1001 from udp:127.0.0.1" in after
        assert "no proof" not in after
        assert "config in step" in after
    finally:
        await phone.stop()


async def test_lines_and_model_are_changed(running: Running, signed_in: SignedIn) -> None:
    form = {"model": "t48s", "extension": ["1002", "1001", ""], "label": ["Desk", "", ""]}
    answer = await signed_in.post(f"{PAGE}/lines", form)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PAGE}/lines?done=changed"
    device = running.services.state.devices[mac(YEALINK)]
    assert device.model == "t48s"
    assert [(it.extension, it.label) for it in device.lines] == [("1002", "Desk"), ("1001", "")]


async def test_refused_lines_stay_in_the_form(running: Running, signed_in: SignedIn) -> None:
    form = {"model": "t46s", "extension": "4711", "label": "<b>mine</b>"}
    answer = await signed_in.post(f"{PAGE}/lines", form)
    assert answer.status_code == 400
    assert "4711 does not exist" in answer.text
    assert 'value="4711"' in answer.text
    assert "&lt;b&gt;mine&lt;/b&gt;" in answer.text
    assert running.services.state.devices[mac(YEALINK)].extension == "1001"


async def test_a_look_at_changed_lines_saves_nothing(running: Running, signed_in: SignedIn) -> None:
    before = running.services.state.devices[mac(YEALINK)]
    form = {"model": "t46s", "extension": "1001", "label": "Front desk", "only": "preview"}
    answer = await signed_in.post(f"{PAGE}/lines", form)
    assert answer.status_code == 200
    assert "Nothing was saved yet" in answer.text
    assert "diff-add" in answer.text
    assert running.services.state.devices[mac(YEALINK)] == before


async def test_a_setting_of_the_phone_is_changed_and_removed(
    running: Running, signed_in: SignedIn
) -> None:
    form = {"key": "language", "value": "de", "level": "device"}
    assert (await signed_in.post(f"{PAGE}/settings", form)).status_code == 303
    assert running.services.state.devices[mac(YEALINK)].settings == {"language": "de"}
    text = (await signed_in.get(f"{PAGE}/settings")).text
    assert f"device {YEALINK}" in text
    assert (await signed_in.post(f"{PAGE}/settings", {**form, "remove": "yes"})).status_code == 303
    assert running.services.state.devices[mac(YEALINK)].settings == {}


async def test_a_setting_of_all_phones_is_shown_before_it_is_saved(
    running: Running, signed_in: SignedIn
) -> None:
    form = {"key": "time_zone", "value": "Europe/Berlin", "level": "site"}
    answer = await signed_in.post(f"{PAGE}/settings", form)
    assert answer.status_code == 200
    assert "The files of 3 phones would change" in answer.text
    assert not running.services.state.settings.get(SITE)
    answer = await signed_in.post(f"{PAGE}/settings", {**form, "sure": "yes"})
    assert answer.status_code == 303
    assert running.services.state.settings[SITE] == {"time_zone": "Europe/Berlin"}


async def test_a_wrong_setting_is_refused_and_kept_in_the_form(signed_in: SignedIn) -> None:
    form = {"key": "transport", "value": "pigeon", "level": "device"}
    answer = await signed_in.post(f"{PAGE}/settings", form)
    assert answer.status_code == 400
    assert "must be one of udp, tcp, tls" in answer.text
    assert 'value="pigeon"' in answer.text


async def test_secrets_are_masked_until_revealed_which_is_on_record(
    running: Running, signed_in: SignedIn
) -> None:
    secret = running.services.state.extensions["1001"].secret.reveal()
    for tab in ("lines", "settings", "files", "actions", "timeline"):
        assert secret not in (await signed_in.get(f"{PAGE}/{tab}")).text
    answer = await signed_in.post(f"{PAGE}/reveal", {"file": ""})
    assert secret in answer.text
    changes = await running.services.inventory.list_changes(1, subject=YEALINK)
    assert (changes[0].actor, changes[0].action) == ("admin ada", "configuration revealed")


async def test_a_stale_file_shows_what_changed_since_it_was_fetched(
    running: Running, signed_in: SignedIn
) -> None:
    await simulated(running).fetch_files()
    assert "in step" in (await signed_in.get(f"{PAGE}/files")).text
    secret = running.services.state.extensions["1001"].secret.reveal()
    await running.services.extensions.change_extension(
        "test", "1001", name="Ada Lovelace", secret="another-secret-1234"
    )
    text = (await signed_in.get(f"{PAGE}/files")).text
    assert "Changed since the phone fetched it" in text
    assert "Ada Byron" in text
    assert "Ada Lovelace" in text
    assert secret not in text
    assert "another-secret-1234" not in text


async def test_an_order_is_followed_until_the_phone_is_back(
    running: Running, signed_in: SignedIn
) -> None:
    phone = simulated(running)
    try:
        assert await phone.boot()
        answer = await signed_in.post(f"{PAGE}/tell", {"how": "resync"})
        assert answer.headers["location"] == f"{PAGE}/actions?done=told"
        await phone.until(lambda it: len(it.registrations) > 1, 5)
        assert phone.notifies[0].event == phone.profile.resync.event
        text = (await signed_in.get(f"{PAGE}/actions", as_fragment=True)).text
        assert text.count(": done") == 5
    finally:
        await phone.stop()


async def test_a_phone_that_is_not_registered_cannot_be_told(signed_in: SignedIn) -> None:
    answer = await signed_in.post(f"{PAGE}/tell", {"how": "reboot"})
    assert answer.status_code == 409
    assert "nothing was sent" in answer.text


async def test_trying_as_the_phone_does_not_count_as_the_phone(
    running: Running, signed_in: SignedIn
) -> None:
    answer = await signed_in.post(f"{PAGE}/try")
    assert answer.status_code == 200
    assert "it would register" in answer.text
    assert "as extension 1001" in answer.text
    assert running.services.state.extensions["1001"].secret.reveal() not in answer.text
    seen = running.services.state.sightings.get(mac(YEALINK))
    assert seen is None or seen.last_provisioned is None
    assert running.services.engine.registrations("1001") == ()


async def test_the_timeline_tells_and_pages(running: Running, signed_in: SignedIn) -> None:
    await simulated(running).fetch_files()
    for turn in range(60):
        await running.services.devices.reveal_admin_password(f"test {turn}", YEALINK)
    first = (await signed_in.get(f"{PAGE}/timeline")).text
    assert "admin password revealed" in first
    older = first.split(f'href="{PAGE}/timeline?before=')[1].split('"')[0]
    second = (await signed_in.get(f"{PAGE}/timeline?before={older}")).text
    assert "created" in second
    assert (await signed_in.get(f"{PAGE}/timeline?before=nonsense")).status_code == 200


async def test_a_phone_is_deleted_after_one_is_asked(running: Running, signed_in: SignedIn) -> None:
    asked = await signed_in.get(f"/phones/{SECOND}/delete")
    assert "Delete 00:15:65:00:00:02?" in asked.text
    assert mac(SECOND) in running.services.state.devices
    assert (await signed_in.post(f"/phones/{SECOND}/delete")).status_code == 303
    assert mac(SECOND) not in running.services.state.devices
