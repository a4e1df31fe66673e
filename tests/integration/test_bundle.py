"""The support bundle: everything that helps, and not one of the secrets planted everywhere."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import httpx
import pytest

from offhook.actions.scrub import Scrubber
from tests.integration.calls import add, add_device, registered
from tests.integration.running import client, running_pbx

ODD = 'p"<s>s&w;/%20x'
PLANTED = ["PlantedSipSecret0001", ODD, "PlantedAdmin00000001", "PlantedMakers0000001"]


async def bundle(api: httpx.AsyncClient) -> dict[str, str]:
    answer = await api.get("/api/diagnosis-bundle")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


async def test_planted_secrets_are_in_no_file(tmp_path: Path) -> None:
    sip, odd, admin, makers = PLANTED
    templates = tmp_path / "templates" / "yealink"
    templates.mkdir(parents=True)
    (templates / "note.j2").write_text(f"# {sip}\n", encoding="utf-8")
    async with running_pbx(tmp_path) as running, client(running) as api:
        await add(api)
        await add(api, "1002")
        await api.patch("/api/extensions/1001", json={"secret": sip})
        changed = await api.patch("/api/extensions/1002", json={"secret": odd})
        assert changed.status_code == 200, changed.text
        await add_device(api, admin_password=admin)
        await api.patch(
            "/api/provisioning/settings/vendor/grandstream", json={"settings": {"P34": makers}}
        )
        phone = await registered(running.pbx, api)
        await phone.close()
        # A stranger who knows a secret puts it where logs and histories keep it.
        await api.get(f"/provision/{sip}.cfg", headers={"User-Agent": f"x {admin}"})
        log = running.pbx.settings.logging.file
        log.parent.mkdir(exist_ok=True)
        log.write_text(f"ERROR {odd} {json.dumps(odd)} {sip}\n", encoding="utf-8")
        found = await bundle(api)
        changes = (await api.get("/api/changes?limit=1")).json()["changes"]
    assert {"README.txt", "status.json", "diagnostics.json", "pbx.log", "settings.json"} <= {*found}
    assert "templates/yealink/note.j2" in found
    for name, text in found.items():
        for secret in PLANTED:
            assert secret not in text, name
            assert json.dumps(secret)[1:-1] not in text, name
    assert "John Smith" in found["extensions.json"]
    assert changes[0]["noun"] == "bundle"


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["abcdefgh1"], "key=abcdefgh1;", "key=********;"),
        (["abcdefgh1"], "abcdefgh12", "abcdefgh12"),
        (["a&b c<d"], "x a&amp;b c&lt;d y a%26b%20c%3Cd", "x ******** y ********"),
        (["äöü ß"], "\\u00e4\\u00f6\\u00fc \\u00df äöü ß", "******** ********"),
        (["abc"], "abc", "abc"),
    ],
)
def test_secrets_are_found_however_they_are_written(
    secrets: list[str], text: str, shown: str
) -> None:
    assert Scrubber.of(secrets).text(text) == shown


async def test_bundle_of_an_empty_pbx_is_whole(api: httpx.AsyncClient) -> None:
    found = await bundle(api)
    assert json.loads(found["devices.json"])["total"] == 0
    assert "Support bundle" in found["README.txt"]
