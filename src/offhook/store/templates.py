"""Templates of phone files: those of the package, and a site's own that replace them by name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

from offhook.errors import ConfigError

SIZE_MAX_BYTES = 256 * 1024
_SUFFIX = ".j2"


def package_templates() -> dict[str, str]:
    """Give every maker's templates: `yealink/main.cfg.j2` to its text.

    They are read once: while a newer version is put in the place of this one, this one goes on with
    its own until it is restarted, for its code does not know what others need.
    """
    return dict(_packaged())


@cache
def _packaged() -> Mapping[str, str]:
    texts: dict[str, str] = {}
    for vendor in resources.files("offhook.vendors").iterdir():
        folder = vendor / "templates"
        if vendor.name.startswith(("_", ".")) or not folder.is_dir():
            continue
        for file in folder.iterdir():
            if file.name.endswith(_SUFFIX):
                texts[f"{vendor.name}/{file.name}"] = file.read_text(encoding="utf-8")
    return texts


def site_templates(folder: Path) -> dict[str, str]:
    """Read `<folder>/<vendor>/*.j2`; a folder that does not exist holds none.

    Raises ConfigError for a file that is too large, no UTF-8, unreadable, or a link that leads out
    of the folder.
    """
    if not folder.is_dir():
        return {}
    root = folder.resolve()
    return {
        f"{file.parent.name}/{file.name}": read_template(file, root)
        for file in sorted(folder.glob(f"*/*{_SUFFIX}"))
        if not file.parent.name.startswith((".", "_"))
    }


def own_names(texts: Mapping[str, str]) -> frozenset[str]:
    """Tell which of all templates are the site's: those that the package has otherwise or not."""
    packaged = package_templates()
    return frozenset(name for name, text in texts.items() if packaged.get(name) != text)


def load_templates(folder: Path | None) -> tuple[dict[str, str], str]:
    """Give all templates, the site's over the package's, and their revision (SHA-256 in hex).

    The revision changes when a name or a text does. Raises ConfigError as `site_templates` does.
    """
    texts = package_templates()
    if folder is not None:
        texts.update(site_templates(folder))
    digest = hashlib.sha256()
    for name, text in sorted(texts.items()):
        for part in (name.encode(), text.encode()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return texts, digest.hexdigest()


def read_template(file: Path, root: Path) -> str:
    """Read one file of the folder `root`. Raises ConfigError as `site_templates` does."""
    try:
        target = file.resolve(strict=True)
        if not target.is_relative_to(root):
            raise ConfigError(
                f"template {file} is a link out of {root}", "Copy the file into the folder."
            )
        if not target.is_file():
            raise ConfigError(f"template {file} is no file", "Remove it or give it another name.")
        with target.open("rb") as stream:
            body = stream.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"template {file} cannot be read: {error.strerror}", "Check who may read it."
        ) from None
    if len(body) > SIZE_MAX_BYTES:
        raise ConfigError(
            f"template {file} is larger than {SIZE_MAX_BYTES} bytes", "Split it with include."
        )
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(f"template {file} is no UTF-8 text", "Save it as UTF-8.") from None
