"""Templates: the package's, a site's own over them, and their revision."""

from pathlib import Path

import pytest

from offhook.errors import ConfigError
from offhook.store.templates import (
    SIZE_MAX_BYTES,
    load_templates,
    package_templates,
    site_templates,
)


def put(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_reads_the_packages_templates() -> None:
    texts = package_templates()
    assert texts["yealink/main.cfg.j2"].startswith("#!version:1.0.0.1\n")
    assert all(name.count("/") == 1 and name.endswith(".j2") for name in texts)
    assert not [name for name in texts if name.startswith("_")]


def test_reads_a_sites_templates(tmp_path: Path) -> None:
    put(tmp_path, "yealink/main.cfg.j2", "Größe\n")
    put(tmp_path, "yealink/notes.txt", "x")
    put(tmp_path, "yealink/deep/main.cfg.j2", "x")
    put(tmp_path, ".git/main.cfg.j2", "x")
    put(tmp_path, "main.cfg.j2", "x")
    assert site_templates(tmp_path) == {"yealink/main.cfg.j2": "Größe\n"}


def test_missing_folder_holds_none(tmp_path: Path) -> None:
    assert site_templates(tmp_path / "none") == {}


def test_site_replaces_the_package_by_name(tmp_path: Path) -> None:
    put(tmp_path, "yealink/main.cfg.j2", "mine\n")
    texts, _ = load_templates(tmp_path)
    package, _ = load_templates(None)
    assert texts == {**package, "yealink/main.cfg.j2": "mine\n"}


def test_revision_follows_names_and_texts(tmp_path: Path) -> None:
    _, package = load_templates(None)
    assert load_templates(tmp_path)[1] == package == load_templates(None)[1]
    file = put(tmp_path, "yealink/extra.j2", "one")
    _, one = load_templates(tmp_path)
    file.write_text("two", encoding="utf-8")
    _, two = load_templates(tmp_path)
    file.rename(file.with_name("other.j2"))
    _, renamed = load_templates(tmp_path)
    assert len({package, one, two, renamed}) == 4


def test_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    file = put(tmp_path, "yealink/main.cfg.j2", "same\n")
    (tmp_path / "zultys").mkdir()
    (tmp_path / "zultys/main.cfg.j2").symlink_to(file)
    assert site_templates(tmp_path)["zultys/main.cfg.j2"] == "same\n"


def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = put(tmp_path, "outside/secret.j2", "x")
    folder = tmp_path / "templates"
    (folder / "yealink").mkdir(parents=True)
    (folder / "yealink/main.cfg.j2").symlink_to(secret)
    with pytest.raises(ConfigError, match="link out of"):
        site_templates(folder)


def test_folder_that_is_a_link_out_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "outside/secret.j2", "x")
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "yealink").symlink_to(tmp_path / "outside")
    with pytest.raises(ConfigError, match="link out of"):
        site_templates(folder)


def test_broken_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yealink").mkdir()
    (tmp_path / "yealink/main.cfg.j2").symlink_to(tmp_path / "yealink/none")
    with pytest.raises(ConfigError, match="cannot be read"):
        site_templates(tmp_path)


def test_folder_named_like_a_template_is_refused(tmp_path: Path) -> None:
    (tmp_path / "yealink/main.cfg.j2").mkdir(parents=True)
    with pytest.raises(ConfigError, match="is no file"):
        site_templates(tmp_path)


def test_size_is_bounded(tmp_path: Path) -> None:
    file = put(tmp_path, "yealink/main.cfg.j2", "x" * SIZE_MAX_BYTES)
    assert len(site_templates(tmp_path)["yealink/main.cfg.j2"]) == SIZE_MAX_BYTES
    file.write_text("x" * (SIZE_MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="larger than"):
        site_templates(tmp_path)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    put(tmp_path, "yealink/main.cfg.j2", "").write_bytes("Größe".encode("latin-1"))
    with pytest.raises(ConfigError, match="no UTF-8"):
        site_templates(tmp_path)


def test_templates_of_the_package_are_read_once_and_nobody_alters_them_for_others() -> None:
    texts = package_templates()
    texts["yealink/main.cfg.j2"] = "altered"
    assert package_templates()["yealink/main.cfg.j2"] != "altered"
