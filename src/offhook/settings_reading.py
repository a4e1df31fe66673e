"""From `config.yml` and the environment to plain data; what cannot be read is a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from offhook.diagnosis.facts import ConfigProblem
from offhook.errors import ConfigError

ENV_PREFIX = "OFFHOOK_"
PROBLEM_SHOWN = 500
"""Characters of a problem's message."""

FieldsOf = Callable[[Sequence[str]], Mapping[str, FieldInfo]]
"""The keys of a section by its path; none for a section that does not exist."""


class SettingsError(ConfigError):
    """The settings have problems; each becomes a P1xx finding."""

    def __init__(self, problems: tuple[ConfigProblem, ...]) -> None:
        super().__init__("; ".join(f"{item.key}: {item.message}" for item in problems))
        self.problems = problems


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice: the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping. Raises YAMLError that names the key and its line."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
            if name in seen:
                problem = f"the key {name!r} is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read the sections of a file. Raises SettingsError with P106."""
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except FileNotFoundError:
        raise _unusable(str(path), "there is no such file") from None
    except RecursionError:
        raise _unusable(str(path), "it is nested too deeply") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _unusable(str(path), str(error)) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise _unusable(str(path), "it is not a list of sections")
    return {str(key): _named(value) for key, value in data.items()}


def _named(section: object) -> object:
    """A section with texts as keys; an empty one is a section too."""
    if isinstance(section, dict):
        return {str(key): value for key, value in section.items()}
    return {} if section is None else section


def lay_environment(
    data: dict[str, Any], environ: Mapping[str, str], base: Path, fields_of: FieldsOf
) -> set[str]:
    """Lay the variables over a file's data; gives the keys whose values come from secret files.

    Relative paths of secret files start at `base`. Raises SettingsError with P106.
    """
    hidden = set()
    for name, value in sorted(environ.items()):
        if not name.startswith(ENV_PREFIX) or "__" not in name:
            continue
        *sections, key = name[len(ENV_PREFIX) :].lower().split("__")
        fields = fields_of(sections)
        text: Any = value
        if key.endswith("_file") and key not in fields and key[:-5] in fields:
            key, text = key[:-5], _read_secret(name, value, base)
            hidden.add(".".join((*sections, key)))
        if key in fields and fields[key].annotation == list[str]:
            text = [item.strip() for item in str(text).split(",") if item.strip()]
        part: Any = data
        for section in sections:
            part = part.setdefault(section, {}) if isinstance(part, dict) else None
        if isinstance(part, dict):
            part[key] = text
    return hidden


def _read_secret(name: str, file: str, base: Path) -> str:
    shown = ascii(file[:200])
    try:
        return (base / file).read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise _unusable(name, f"cannot read {shown}: it is no UTF-8 text") from None
    except OSError as error:
        raise _unusable(name, f"cannot read {shown}: {error.strerror}") from None
    except ValueError as error:
        raise _unusable(name, f"cannot read {shown}: {error}") from None


def _unusable(key: str, message: str) -> SettingsError:
    text = " ".join(message.split())[:PROBLEM_SHOWN]
    return SettingsError((ConfigProblem(code="P106", key=key, message=text),))
