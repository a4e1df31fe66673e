"""Settings: as read and masked, free settings, tokens and administrators."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from offhook.core.secret import MASK
from offhook.settings import load_settings
from offhook.web.ui.settings_rows import ReadSetting, read_sections
from tests.integration.running import Running, client
from tests.integration.ui.conftest import ADMIN, PASSWORD, SignedIn


def _rows(folder: Path, text: str, **environ: str) -> dict[str, ReadSetting]:
    config = folder / "config.yml"
    config.write_text(text, encoding="utf-8")
    settings = load_settings(config, environ)
    return {row.key: row for it in read_sections(settings, environ) for row in it.rows}


def test_each_setting_says_where_it_came_from(tmp_path: Path) -> None:
    rows = _rows(
        tmp_path, "server: {external_ip: 192.0.2.1}\n", OFFHOOK_SIP__REALM="house", HOME="/"
    )
    assert rows["server.external_ip"].origin == "config.yml"
    assert (rows["sip.realm"].origin, rows["sip.realm"].value) == ("OFFHOOK_SIP__REALM", "house")
    for key in ("server.http_port", "store.url", "store.key_file", "provisioning.templates"):
        assert rows[key].is_default, key
    assert rows["phones.codecs"].is_default


def test_passwords_of_settings_are_masked(tmp_path: Path) -> None:
    text = "store: {url: 'postgresql://offhook:p@ss:word@db/offhook'}\n"
    assert _rows(tmp_path, text)["store.url"].value == f"postgresql://offhook:{MASK}@db/offhook"


async def test_the_settings_are_shown_with_what_is_wrong(signed_in: SignedIn) -> None:
    text = (await signed_in.get("/settings")).text
    assert "server.external_ip" in text
    assert "not the default" in text
    assert "SIP port, UDP and TCP" in text


async def test_a_free_setting_is_previewed_set_and_removed(
    signed_in: SignedIn, running: Running
) -> None:
    assert "Nothing is set here" in (await signed_in.get("/settings/phones")).text
    form = {"scope": "yealink", "key": "language", "value": "de", "do": "preview"}
    assert "What will happen" in (await signed_in.post("/settings/phones", form)).text
    assert not any(running.pbx.state.settings.values())
    told = (await signed_in.post("/settings/phones", {**form, "do": "save"})).text
    assert "Saved" in told
    assert "All of Yealink" in told
    assert [dict(it) for it in running.pbx.state.settings.values()] == [{"language": "de"}]
    await signed_in.post("/settings/phones", {**form, "do": "save", "remove": "1"})
    assert not any(running.pbx.state.settings.values())


@pytest.mark.parametrize(
    ("scope", "key", "value"),
    [
        ("", "language", "german"),
        ("", "own.key", "1"),
        ("nobody", "language", "de"),
        ("", "", "x"),
        ("yealink/nothing", "language", "de"),
    ],
)
async def test_an_unusable_setting_is_refused_with_what_was_typed(
    signed_in: SignedIn, scope: str, key: str, value: str
) -> None:
    form = {"scope": scope, "key": key, "value": value, "do": "save"}
    answer = await signed_in.post("/settings/phones", form)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert f'value="{value}"' in answer.text


async def test_a_makers_password_is_masked(signed_in: SignedIn) -> None:
    key = "account.1.ldap.password"
    form = {"scope": "yealink", "key": key, "value": "sesame open", "do": "save"}
    text = (await signed_in.post("/settings/phones", form)).text
    assert key in text
    assert "sesame open" not in text
    assert "sesame open" not in (await signed_in.get("/settings/phones")).text


async def test_a_token_is_shown_once_and_works_until_revoked(
    signed_in: SignedIn, running: Running
) -> None:
    made = await signed_in.post("/settings/tokens", {"name": "crm"})
    found = re.search(r"offhook_[\w-]{40,}", made.text)
    assert found
    assert found[0] not in (await signed_in.get("/settings/tokens")).text
    assert await running.services.tokens.holder_of(found[0]) == "crm"
    again = await signed_in.post("/settings/tokens", {"name": "crm"})
    assert again.status_code == 409
    assert "is revoked" in (await signed_in.post("/settings/tokens/revoke", {"name": "crm"})).text
    assert await running.services.tokens.holder_of(found[0]) is None


async def test_a_refused_name_is_text(signed_in: SignedIn) -> None:
    for path, form in (
        ("/settings/tokens", {"name": "<b>x</b>"}),
        ("/settings/admins", {"name": "<b>x</b>", "password": PASSWORD, "new": "1"}),
    ):
        answer = await signed_in.post(path, form)
        assert answer.status_code == 400
        assert "<b>x</b>" not in answer.text
        assert "&lt;b&gt;x" in answer.text


async def test_an_administrator_is_added_and_deleted(signed_in: SignedIn, running: Running) -> None:
    form = {"name": "grace", "password": "first words here", "new": "1"}
    assert "grace can sign in" in (await signed_in.post("/settings/admins", form)).text
    assert (await signed_in.post("/settings/admins", form)).status_code == 409
    async with client(running) as other:
        answer = await other.post("/sign-in", data={"name": "grace", "password": form["password"]})
        assert answer.status_code == 303
        await signed_in.post("/settings/admins/delete", {"name": "grace"})
        assert (await other.get("/settings")).status_code == 303


async def test_the_last_administrator_stays(signed_in: SignedIn, running: Running) -> None:
    answer = await signed_in.post("/settings/admins/delete", {"name": ADMIN})
    assert answer.status_code == 409
    assert "the last administrator" in answer.text
    assert [it.name for it in await running.services.admins.list_admins()] == [ADMIN]


async def test_ones_own_new_password_means_signing_in_again(signed_in: SignedIn) -> None:
    form = {"name": ADMIN, "password": "other words to know"}
    answer = await signed_in.post("/settings/admins", form)
    assert answer.headers["location"] == "/sign-in"
    assert (await signed_in.get("/settings")).status_code == 303


async def test_a_short_password_is_refused_and_never_shown(signed_in: SignedIn) -> None:
    form = {"name": "grace", "password": "shortish", "new": "1"}
    answer = await signed_in.post("/settings/admins", form)
    assert answer.status_code == 400
    assert "shortish" not in answer.text
    assert 'value="grace"' in answer.text


@pytest.mark.parametrize(
    "path", ["/settings/phones", "/settings/tokens", "/settings/admins", "/settings/admins/delete"]
)
async def test_a_form_without_its_token_is_refused(signed_in: SignedIn, path: str) -> None:
    form = {"name": "mallory", "password": PASSWORD, "new": "1", "key": "language", "value": "de"}
    assert (await signed_in.http.post(path, data=form)).status_code == 403


async def test_a_stranger_is_sent_to_sign_in(stranger: httpx.AsyncClient) -> None:
    for path in ("/settings", "/settings/phones", "/settings/tokens", "/settings/admins"):
        assert (await stranger.get(path)).status_code == 303
