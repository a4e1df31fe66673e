"""People: found, added, renamed, deleted, their secrets; the directory with its decisions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from offhook.actions.devices import DeviceSpec, LineSpec
from tests.integration.running import Running, client, running_pbx
from tests.integration.ui.conftest import ADMIN, PASSWORD, SignedIn

MARKUP = "<script>alert(1)</script>"
PEOPLE = "id,name,number,email\njane,Jane Doe,2001,jane@example.com\njoe,Joe <b>Roe</b>,2002,\n"
MAC = "001565aabb01"


async def _with_phone(running: Running, number: str = "101") -> None:
    await running.services.extensions.add_extension("test", number=number, name="Ada")
    line = LineSpec(extension=number)
    spec = DeviceSpec(mac_address=MAC, vendor="yealink", model="t46s", lines=[line])
    await running.services.devices.put_device("test", spec)


async def test_a_site_without_extensions_is_told_what_to_do(signed_in: SignedIn) -> None:
    text = (await signed_in.get("/people")).text
    assert "There is no extension yet" in text
    assert "Add an extension" in text


async def test_an_added_extension_is_shown_and_led_to_its_phone(
    signed_in: SignedIn, running: Running
) -> None:
    form = {"number": "101", "name": MARKUP, "email": "", "secret": ""}
    answer = await signed_in.post("/people", form)
    assert answer.headers["location"] == "/people/101?done=added"
    shown = (await signed_in.get("/people/101?done=added")).text
    assert "&lt;script&gt;" in shown
    assert MARKUP not in shown
    assert running.pbx.state.extensions["101"].secret.reveal() not in shown
    assert MARKUP not in (await signed_in.get("/people")).text


async def test_a_refused_extension_keeps_what_was_typed(signed_in: SignedIn) -> None:
    form = {"number": "10x", "name": "Ada Lovelace", "email": "", "secret": "kept to yourself"}
    answer = await signed_in.post("/people", form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="Ada Lovelace"' in answer.text
    assert "kept to yourself" not in answer.text


async def test_people_are_found_by_number_name_and_source(
    signed_in: SignedIn, running: Running
) -> None:
    for number, name in (("99", "Ada"), ("100", "Grace"), ("1000", "Ida")):
        await running.services.extensions.add_extension("test", number=number, name=name)
    table = (await signed_in.get("/people", as_fragment=True)).text
    assert "<html" not in table
    assert table.index("/people/99") < table.index("/people/100") < table.index("/people/1000")
    found = (await signed_in.get("/people?q=gRA", as_fragment=True)).text
    assert "/people/100" in found
    assert "/people/99" not in found
    assert "No extension fits" in (await signed_in.get("/people?state=off")).text
    assert "/people/99" in (await signed_in.get("/people?state=none&source=manual")).text


async def test_many_are_shown_a_page_at_a_time(signed_in: SignedIn, running: Running) -> None:
    for number in range(1000, 1060):
        await running.services.extensions.add_extension("test", number=str(number), name="x")
    first = (await signed_in.get("/people")).text
    assert "Page 1 of 2" in first
    assert "/people/1050" not in first
    last = (await signed_in.get("/people?page=99")).text
    assert "/people/1059" in last


async def test_a_rename_shows_the_phones_first_and_then_is_done(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    form = {"name": "Ada Byron", "email": "", "do": "preview"}
    preview = (await signed_in.post("/people/101/change", form)).text
    assert "00:15:65:aa:bb:01" in preview.lower()
    assert "What will happen" in preview
    assert running.pbx.state.extensions["101"].name == "Ada"
    done = (await signed_in.post("/people/101/change", {**form, "do": "save"})).text
    assert "1 to fetch at next boot" in done
    assert running.pbx.state.extensions["101"].name == "Ada Byron"


async def test_a_revealed_secret_is_in_the_change_log(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    secret = running.pbx.state.extensions["101"].secret.reveal()
    assert secret not in (await signed_in.get("/people/101")).text
    assert secret in (await signed_in.post("/people/101/reveal")).text
    noted = (await running.services.inventory.list_changes(1))[0]
    assert (noted.actor, noted.action) == (f"admin {ADMIN}", "secret revealed")


async def test_a_new_secret_is_previewed_masked_and_made(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    before = running.pbx.state.extensions["101"].secret
    assert (
        "What will happen" in (await signed_in.post("/people/101/secret", {"do": "preview"})).text
    )
    assert running.pbx.state.extensions["101"].secret == before
    answer = await signed_in.post("/people/101/secret", {"do": "save"})
    after = running.pbx.state.extensions["101"].secret
    assert after != before
    assert after.reveal() not in answer.text


async def test_an_extension_in_use_is_not_deleted(signed_in: SignedIn, running: Running) -> None:
    await _with_phone(running)
    answer = await signed_in.post("/people/101/delete", {"do": "preview"})
    assert answer.status_code == 409
    assert "is a line of" in answer.text


async def test_deleting_asks_first(signed_in: SignedIn, running: Running) -> None:
    await running.services.extensions.add_extension("test", number="101", name="Ada")
    assert "Delete it" in (await signed_in.post("/people/101/delete", {"do": "preview"})).text
    assert "101" in running.pbx.state.extensions
    answer = await signed_in.post("/people/101/delete", {"do": "delete"})
    assert answer.headers["location"] == "/people?gone=101"
    assert "101" not in running.pbx.state.extensions


async def test_an_unknown_extension_is_a_404(signed_in: SignedIn) -> None:
    assert (await signed_in.get("/people/999")).status_code == 404
    assert (await signed_in.post("/people/999/delete", {"do": "delete"})).status_code == 404


@pytest.mark.parametrize("path", ["/people", "/people/101/reveal", "/people/101/delete"])
async def test_a_form_without_its_token_is_refused(
    signed_in: SignedIn, running: Running, path: str
) -> None:
    await running.services.extensions.add_extension("test", number="101", name="Ada")
    answer = await signed_in.http.post(path, data={"number": "102", "name": "x", "do": "delete"})
    assert answer.status_code == 403
    assert set(running.pbx.state.extensions) == {"101"}


async def test_a_stranger_is_sent_to_sign_in(stranger: httpx.AsyncClient) -> None:
    for path in ("/people", "/people/101", "/people-directory"):
        answer = await stranger.get(path)
        assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in")


# --- directory ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Office:
    """A PBX with a file of people, and a signed-in browser."""

    running: Running
    browser: SignedIn
    file: Path

    async def run(self, do: str, **form: str) -> str:
        answer = await self.browser.post("/people-directory/file/run", {"do": do, **form})
        assert answer.status_code == 303, answer.text
        return (await self.browser.get(answer.headers["location"])).text


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE, encoding="utf-8")
    settings = {"integrations__file__enabled": "true", "integrations__file__path": str(file)}
    async with running_pbx(tmp_path, **settings) as running, client(running) as http:
        await running.services.admins.put_admin("test", ADMIN, PASSWORD)
        browser = SignedIn(http)
        await browser.sign_in()
        yield Office(running, browser, file)


async def test_without_a_directory_its_page_says_how_to_set_one_up(signed_in: SignedIn) -> None:
    assert "integrations:" in (await signed_in.get("/people-directory")).text
    assert (await signed_in.get("/people-directory/ad")).status_code == 404


async def test_a_dry_run_shows_the_difference_and_apply_does_it(office: Office) -> None:
    assert "It has not run yet" in (await office.browser.get("/people-directory/file")).text
    shown = await office.run("dry")
    assert "Jane Doe" in shown
    assert "Joe &lt;b&gt;Roe" in shown
    assert "Apply this" in shown
    assert not office.running.pbx.state.extensions
    plan = shown.partition('name="confirm" value="')[2].partition('"')[0]
    done = await office.run("apply", confirm=plan)
    assert "Apply" not in done
    assert set(office.running.pbx.state.extensions) == {"2001", "2002"}
    page = (await office.browser.get("/people-directory/file")).text
    assert f"admin {ADMIN}" in page


async def test_another_plan_than_was_shown_is_refused(office: Office) -> None:
    await office.run("dry")
    form = {"do": "apply", "confirm": "another"}
    answer = await office.browser.post("/people-directory/file/run", form)
    assert answer.status_code == 409
    assert not office.running.pbx.state.extensions


async def test_a_directory_that_cannot_be_read_tells_the_fault(office: Office) -> None:
    office.file.unlink()
    failed = await office.run("dry")
    assert "failed" in failed
    assert 'class="steps"' in failed
    assert (await office.browser.post("/people-directory/file/test")).status_code == 502


async def test_what_was_changed_by_hand_waits_for_a_decision(office: Office) -> None:
    await office.run("apply")
    assert "Nobody needs a decision" in (await office.browser.get("/people-directory/file")).text
    await office.browser.post("/people/2001/change", {"name": "Dr. Doe", "email": "", "do": "save"})
    assert "undecided (1)" in (await office.browser.get("/people-directory/file")).text
    links = office.running.pbx.state.links.values()
    guid = next(it.guid for it in links if it.login == "jane")
    form = {"guid": guid, "action": "release"}
    told = await office.browser.post("/people-directory/file/links", form)
    assert "release is noted" in told.text
    assert "undecided (0)" in told.text


async def test_an_unknown_link_or_action_is_refused_near_the_form(office: Office) -> None:
    await office.run("apply")
    form = {"guid": "nobody", "action": "release"}
    answer = await office.browser.post("/people-directory/file/links", form)
    assert answer.status_code == 404
    assert 'role="alert"' in answer.text
