"""Templates: looked at, tried, previewed, saved, rolled back and taken away."""

from __future__ import annotations

import asyncio
import re
from html import unescape
from pathlib import Path

import httpx
import pytest

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.store.templates import load_templates
from tests.integration.running import Running
from tests.integration.ui.conftest import ADMIN, SignedIn

NAME = "yealink/main.cfg.j2"
URL = f"/templates/{NAME}"
MAC = "001565aabb01"


async def _with_phone(running: Running) -> None:
    await running.services.extensions.add_extension("test", number="101", name="Ada")
    line = LineSpec(extension="101")
    spec = DeviceSpec(mac_address=MAC, vendor="yealink", model="t46s", lines=[line])
    await running.services.devices.put_device("test", spec)


def _hidden(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([0-9a-f]*)"', text)
    assert found
    return found[1]


def _used(running: Running) -> str:
    return running.pbx.state.source.templates.sources[NAME]


def _file(running: Running) -> Path:
    return running.pbx.settings.provisioning.templates / NAME


async def _previewed(browser: SignedIn, text: str) -> dict[str, str | list[str]]:
    """Preview a text; gives the form that saves it."""
    form: dict[str, str | list[str]] = {"text": text, "do": "preview"}
    answer = await browser.post(URL, form)
    assert answer.status_code == 200, answer.text
    seen = {name: _hidden(answer.text, name) for name in ("base", "seen")}
    return {**form, **seen, "do": "save"}


async def _save(browser: SignedIn, text: str) -> httpx.Response:
    return await browser.post(URL, await _previewed(browser, text))


async def test_the_list_tells_which_template_makes_which_file(signed_in: SignedIn) -> None:
    text = (await signed_in.get("/templates?vendor=yealink")).text
    assert f'href="{URL}"' in text
    assert "{mac}.cfg" in text
    assert "part of others" in text
    assert "/templates/yealink/_account.j2" in text
    assert 'href="/templates/grandstream' not in text


async def test_a_template_is_tried_with_a_phone_and_secrets_are_masked(
    signed_in: SignedIn, running: Running
) -> None:
    assert "no yealink phone" in (await signed_in.get(URL)).text
    await _with_phone(running)
    text = (await signed_in.get(URL)).text
    assert "account.1.display_name" in text
    assert running.pbx.state.extensions["101"].secret.reveal() not in text
    assert "********" in text


async def test_what_is_typed_is_tried_at_once(signed_in: SignedIn, running: Running) -> None:
    await _with_phone(running)
    form = {"text": _used(running) + "\nfoo.bar = 1\n", "phone": "00-15-65-aa-bb-01"}
    works = (await signed_in.post(f"{URL}/try", form)).text
    assert "foo.bar = 1" in works
    assert "<html" not in works
    broken = (await signed_in.post(f"{URL}/try", {"text": "{% if %}"})).text
    assert "line 1" in broken
    leaks = (await signed_in.post(f"{URL}/try", {"text": "{{ nothing.here }}"})).text
    assert "does not work" in leaks
    assert "foo.bar" not in _used(running)


async def test_a_secret_written_into_a_template_is_masked_when_tried(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    secret = running.pbx.state.extensions["101"].secret.reveal()
    text = (
        await signed_in.post(f"{URL}/try", {"text": f"#!version:1.0.0.1\nx.y = {secret}\n"})
    ).text
    assert "works" in text
    assert secret not in text


async def test_nothing_is_saved_before_it_was_seen(signed_in: SignedIn, running: Running) -> None:
    await _with_phone(running)
    before = _used(running)
    form = await _previewed(signed_in, before + "\nfoo.bar = 1\n")
    answer = await signed_in.post(URL, {**form, "text": before + "\nfoo.bar = 2\n"})
    assert "not saved yet" in answer.text
    assert _used(running) == before
    assert not _file(running).exists()


async def test_a_saved_version_is_used_kept_and_noted(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    new = _used(running) + "\nfoo.bar = 1\n"
    preview = await signed_in.post(URL, {"text": new.replace("\n", "\r\n"), "do": "preview"})
    assert "1 phone</strong>" in preview.text
    assert "+foo.bar = 1" in unescape(preview.text)
    answer = await _save(signed_in, new)
    assert answer.status_code == 303, answer.text
    assert _file(running).read_text(encoding="utf-8") == new
    assert _used(running) == new
    noted = (await running.services.inventory.list_changes(1))[0]
    assert (noted.actor, noted.noun, noted.subject) == (f"admin {ADMIN}", "templates", NAME)
    found, _ = await asyncio.to_thread(load_templates, _file(running).parent.parent)
    assert found == running.pbx.state.source.templates.sources
    page = (await signed_in.get(URL)).text
    assert f"admin {ADMIN}" in page
    assert "in use" in page


async def test_a_version_is_rolled_back_and_the_built_in_one_taken_again(
    signed_in: SignedIn, running: Running
) -> None:
    packaged = _used(running)
    first, second = packaged + "\na.b = 1\n", packaged + "\na.b = 2\n"
    await _save(signed_in, first)
    await _save(signed_in, second)
    versions = await running.services.site_templates.versions(NAME)
    assert [it.text for it in versions] == [second, first]
    shown = (await signed_in.get(f"{URL}/versions/{versions[1].id}")).text
    assert "+a.b = 1" in shown
    assert "-a.b = 2" in shown
    await _save(signed_in, first)
    assert _used(running) == first
    asked = (await signed_in.post(URL, {"do": "preview_remove"})).text
    assert "Use the built-in one again" in asked
    answer = await signed_in.post(URL, {"do": "remove"})
    assert answer.status_code == 303
    assert _used(running) == packaged
    assert not _file(running).exists()
    assert (await running.services.site_templates.versions(NAME))[0].text is None


async def test_what_was_written_into_the_folder_is_not_lost(
    signed_in: SignedIn, running: Running
) -> None:
    file = _file(running)
    file.parent.mkdir(parents=True)
    file.write_text("by.editor = 1\n", encoding="utf-8")
    await _save(signed_in, _used(running) + "\na.b = 1\n")
    kept = await running.services.site_templates.versions(NAME)
    assert (kept[1].actor, kept[1].text) == ("found in the folder", "by.editor = 1\n")


async def test_a_text_that_breaks_a_phone_is_refused_and_the_folder_stays(
    signed_in: SignedIn, running: Running
) -> None:
    await _with_phone(running)
    before = _used(running)
    assert (await signed_in.post(URL, {"text": "{% if %}", "do": "preview"})).status_code == 400
    answer = await _save(signed_in, "{{ nothing.here }}\n")
    assert answer.status_code == 400
    assert "cannot be made" in answer.text
    assert _used(running) == before
    assert [it.name for it in _file(running).parent.iterdir()] == []


async def test_two_who_edit_do_not_overwrite_each_other(
    signed_in: SignedIn, running: Running
) -> None:
    mine = await _previewed(signed_in, _used(running) + "\na.b = 1\n")
    await _save(signed_in, _used(running) + "\na.b = 2\n")
    answer = await signed_in.post(URL, mine)
    assert answer.status_code == 409
    assert "a.b = 1" in answer.text
    assert "a.b = 2" in _used(running)


async def test_a_folder_that_leads_elsewhere_is_not_written(
    signed_in: SignedIn, running: Running, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = running.pbx.settings.provisioning.templates
    folder.mkdir(exist_ok=True)
    (folder / "yealink").symlink_to(outside)
    answer = await _save(signed_in, "a.b = 1\n")
    assert answer.status_code == 409
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "path",
    ["/templates/yealink/..%2f..%2fx.j2", "/templates/none/main.cfg.j2", "/templates/yealink/x.j2"],
)
async def test_a_name_that_is_no_template_is_a_404(
    signed_in: SignedIn, running: Running, path: str
) -> None:
    assert (await signed_in.get(path)).status_code == 404
    assert (await signed_in.post(path, {"text": "x", "do": "save"})).status_code == 404
    assert not running.pbx.settings.provisioning.templates.exists()


async def test_markup_in_a_template_is_text(signed_in: SignedIn) -> None:
    text = "</textarea><script>alert(1)</script>\n"
    answer = await signed_in.post(URL, {"text": text, "do": "preview"})
    assert "<script>alert(1)" not in answer.text
    assert text in unescape(answer.text)


async def test_forms_need_their_token_and_a_session(
    signed_in: SignedIn, running: Running, stranger: httpx.AsyncClient
) -> None:
    before = _used(running)
    answer = await signed_in.http.post(URL, data={"text": "x", "do": "save"})
    assert answer.status_code == 403
    assert (await stranger.get(URL)).status_code == 303
    assert (await stranger.post(URL, data={"text": "x"})).status_code == 401
    assert _used(running) == before
