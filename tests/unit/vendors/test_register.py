"""The register finds makers by their folders."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import offhook.vendors
from offhook.vendors import load_profiles, ordered


def test_every_folder_is_a_maker() -> None:
    root = Path(offhook.vendors.__file__).parent
    folders = [path.parent.name for path in root.glob("*/__init__.py")]
    named = {profile.name for profile in load_profiles()}
    assert named == {folder for folder in folders if not folder.startswith("_")}


def test_sorts_by_name() -> None:
    yealink, zultys = load_profiles()[-2:]
    assert ordered({"a": zultys, "b": yealink}) == (yealink, zultys)


def test_refuses_two_makers_of_one_name() -> None:
    (first, *_) = load_profiles()
    with pytest.raises(ValueError, match=f"a and b are both named {first.name}"):
        ordered({"a": first, "b": replace(first, label="other")})


def test_refuses_a_folder_without_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nobody").mkdir()
    (tmp_path / "nobody" / "__init__.py").write_text('"""No maker."""\n', encoding="utf-8")
    monkeypatch.setattr(offhook.vendors, "__path__", [str(tmp_path)])
    with pytest.raises(ValueError, match="vendor nobody has no PROFILE"):
        load_profiles()
    sys.modules.pop("offhook.vendors.nobody")
