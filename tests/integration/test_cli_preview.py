"""`--preview` and `offhook template check` against the real PBX."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.commands import offhook

MAC = "001565123456"
ADD = ("device", "add", MAC, "--extension", "1001", "--vendor", "yealink", "--model", "t46s")


async def test_device_and_extension_changes_are_shown_before_they_are_made(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "Ada")
    tried = await offhook(url, *ADD, "--preview")
    assert tried.code == 0
    assert "Nothing was changed. The files of 1 phone would change" in tried.out
    assert (await offhook(url, "device", "show", MAC)).code == 1
    await offhook(url, *ADD)
    setting = ("--setting", "linekey.28.type=13")
    tried = await offhook(url, "device", "set", MAC, *setting, "--preview")
    assert "+linekey.28.type = 13" in tried.out
    assert "warning P716 expansion-limit" in tried.out
    tried = await offhook(url, "extension", "set", "1001", "--name", "Eve", "--preview")
    assert "+account.1.display_name = Eve" in tried.out
    assert "Ada" in (await offhook(url, "extension", "show", "1001")).out


async def test_preview_as_json_is_the_answer_of_the_api(url: str) -> None:
    await offhook(url, "extension", "add", "1001", "Ada")
    tried = await offhook(url, *ADD, "--preview", "--json")
    assert json.loads(tried.out)["changed"] == 1


async def test_a_folder_of_templates_is_checked(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "tried" / "yealink"
    folder.mkdir(parents=True)
    file = folder / "main.cfg.j2"
    file.write_text("#!version:1.0.0.1\nx = 1\n", encoding="utf-8")
    await offhook(url, "extension", "add", "1001", "Ada")
    await offhook(url, *ADD)
    fine = await offhook(url, "template", "check", str(folder.parent))
    assert fine.code == 0
    assert "P714 profile-keys-vanish" in fine.out
    file.write_text("#!version:1.0.0.1\nx = {{ nobody }}\n", encoding="utf-8")
    wrong = await offhook(url, "template", "check", str(folder.parent))
    assert wrong.code == 1
    assert "'nobody' is undefined" in wrong.out


@pytest.mark.parametrize("content", [None, b"", b"\xff"], ids=["no folder", "empty", "no UTF-8"])
async def test_says_when_there_is_nothing_to_check(
    url: str, tmp_path: Path, content: bytes | None
) -> None:
    folder = tmp_path / "tried"
    if content is not None:
        (folder / "yealink").mkdir(parents=True)
    if content:
        (folder / "yealink" / "main.cfg.j2").write_bytes(content)
    result = await offhook(url, "template", "check", str(folder))
    assert result.code == 2
    assert str(folder) in result.err
