"""The page of unknown phones: who knocked is shown, taken in with one form, or ignored."""

from __future__ import annotations

import re

import httpx

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.core.mac import Mac
from tests.integration.running import Running, client
from tests.integration.ui.conftest import SignedIn

MAC = "001565aabbcc"
AGENT = "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc"
HOSTILE = "<script>alert(1)</script>"
NEW = {"model": "yealink/t46s", "extension": "1001", "name": "Ada Byron", "label": ""}


async def _knock(running: Running, path: str = f"/provision/{MAC}.cfg", agent: str = AGENT) -> int:
    async with client(running, {"User-Agent": agent}) as phone:
        return (await phone.get(path)).status_code


async def test_shows_who_knocked_and_what_it_told(running: Running, signed_in: SignedIn) -> None:
    assert await _knock(running) == 404
    text = (await signed_in.get("/unknown")).text
    for told in ("00:15:65:AA:BB:CC", "Yealink", "66.86.0.15", "127.0.0.1", "P301"):
        assert told in text


async def test_says_the_next_step_when_nobody_knocked(signed_in: SignedIn) -> None:
    assert "No unknown phone has knocked" in (await signed_in.get("/unknown")).text


async def test_is_a_piece_for_htmx(running: Running, signed_in: SignedIn) -> None:
    await _knock(running)
    answer = await signed_in.get("/unknown", as_fragment=True)
    assert "<html" not in answer.text
    assert "00:15:65:AA:BB:CC" in answer.text


async def test_form_begins_with_the_model_it_told(running: Running, signed_in: SignedIn) -> None:
    await _knock(running)
    text = (await signed_in.get(f"/unknown/{MAC}")).text
    assert 'value="yealink/t46s" selected' in text


async def test_adopts_with_a_new_extension_in_one_step(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running)
    answer = await signed_in.post(f"/unknown/{MAC}/adopt", NEW)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/phones/{MAC}")
    state = running.services.state
    assert state.extensions["1001"].name == "Ada Byron"
    assert state.devices[Mac(int(MAC, 16))].model == "t46s"
    assert await _knock(running) == 200
    assert "00:15:65:AA:BB:CC" not in (await signed_in.get("/unknown")).text


async def test_adopted_change_rows_name_the_admin(running: Running, signed_in: SignedIn) -> None:
    await _knock(running)
    await signed_in.post(f"/unknown/{MAC}/adopt", NEW)
    rows = await running.services.inventory.list_changes(10)
    made = {(row.noun, row.subject, row.action) for row in rows if row.actor == "admin ada"}
    assert made >= {("extension", "1001", "created"), ("device", MAC, "created")}


async def test_refused_form_keeps_what_was_typed(running: Running, signed_in: SignedIn) -> None:
    await _knock(running)
    form = {**NEW, "name": "", "label": "Front desk"}
    answer = await signed_in.post(f"/unknown/{MAC}/adopt", form)
    assert answer.status_code == 400
    assert "extension 1001 does not exist" in answer.text
    assert 'value="Front desk"' in answer.text
    assert not running.services.state.devices


async def test_preview_saves_nothing_and_hides_secrets(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running)
    answer = await signed_in.post(f"/unknown/{MAC}/preview", NEW)
    assert answer.status_code == 200
    assert f"{MAC}.cfg" in answer.text
    assert "account.1.display_name = Ada Byron" in answer.text
    password = re.search(r"account\.1\.password = ([^<\s]+)", answer.text)
    assert password is not None
    assert re.fullmatch(r"[^A-Za-z0-9]+", password[1])
    assert not running.services.state.devices
    assert not running.services.state.extensions


async def test_ignored_phone_is_out_of_sight_until_shown_again(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running)
    await signed_in.post(f"/unknown/{MAC}/ignore")
    await _knock(running)
    assert "00:15:65:AA:BB:CC" not in (await signed_in.get("/unknown")).text
    assert "00:15:65:AA:BB:CC" in (await signed_in.get("/unknown?ignored=1")).text
    await signed_in.post(f"/unknown/{MAC}/notice")
    assert "00:15:65:AA:BB:CC" in (await signed_in.get("/unknown")).text


async def test_forgotten_phone_comes_back_when_it_asks(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running)
    await signed_in.post(f"/unknown/{MAC}/forget")
    assert "00:15:65:AA:BB:CC" not in (await signed_in.get("/unknown")).text
    await _knock(running)
    assert "00:15:65:AA:BB:CC" in (await signed_in.get("/unknown")).text


async def test_names_the_registered_phone_of_nearly_the_same_mac(
    running: Running, signed_in: SignedIn
) -> None:
    await running.services.extensions.add_extension("test", number="1001", name="Ada")
    spec = DeviceSpec(
        mac_address="001565aabbcd",
        vendor="yealink",
        model="t46s",
        lines=[LineSpec(extension="1001")],
    )
    await running.services.devices.put_device("test", spec)
    await _knock(running)
    for path in ("/unknown", f"/unknown/{MAC}"):
        text = (await signed_in.get(path)).text
        assert 'href="/phones/001565aabbcd"' in text
        assert "mistyped" in text


async def test_request_without_mac_comes_with_the_mend_of_its_maker(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running, "/provision/{mac}.cfg", "Yealink SIP-T46S 66.86.0.15")
    text = (await signed_in.get("/unknown")).text
    for told in ("Refused without a MAC address", "P201", "{mac}.cfg", "Auto Provision"):
        assert told in text


async def test_request_without_mac_goes_when_a_file_was_got(
    running: Running, signed_in: SignedIn
) -> None:
    await _knock(running, "/provision/{mac}.cfg")
    await _knock(running)
    await signed_in.post(f"/unknown/{MAC}/adopt", NEW)
    await _knock(running)
    assert "Refused without a MAC" not in (await signed_in.get("/unknown")).text


async def test_what_a_phone_says_is_text(running: Running, signed_in: SignedIn) -> None:
    await _knock(running, agent=HOSTILE)
    await _knock(running, f"/provision/{{mac}}{HOSTILE.replace('/', '')}.cfg", HOSTILE)
    for path in ("/unknown", f"/unknown/{MAC}"):
        assert "<script>alert" not in (await signed_in.get(path)).text


async def test_phone_that_never_knocked_is_told(signed_in: SignedIn) -> None:
    answer = await signed_in.get(f"/unknown/{MAC}")
    assert answer.status_code == 404
    assert "has not knocked lately" in answer.text


async def test_registered_phone_leads_to_its_page(running: Running, signed_in: SignedIn) -> None:
    await _knock(running)
    await signed_in.post(f"/unknown/{MAC}/adopt", NEW)
    answer = await signed_in.get(f"/unknown/{MAC}")
    assert answer.headers["location"] == f"/phones/{MAC}"
    again = await signed_in.post(f"/unknown/{MAC}/adopt", NEW)
    assert again.headers["location"] == f"/phones/{MAC}"


async def test_refuses_forms_of_others(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    await _knock(running)
    for action in ("adopt", "preview", "ignore", "notice", "forget"):
        form = {**NEW, "csrf": "0" * 64}
        assert (await signed_in.http.post(f"/unknown/{MAC}/{action}", data=form)).status_code == 403
        assert (await stranger.post(f"/unknown/{MAC}/{action}", data=NEW)).status_code == 401
    assert (await stranger.get("/unknown")).headers["location"].startswith("/sign-in")
    assert not running.services.state.devices
