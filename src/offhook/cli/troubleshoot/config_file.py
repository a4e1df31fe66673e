"""Read `config.yml` without a YAML library: the plain nested form that the example has."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Plain or quoted key, a colon, and a blank or the end of the line.
_ENTRY = re.compile(
    r"(?P<indent> *)(?P<key>[A-Za-z0-9_.\-]+|\"[^\"]*\"|'[^']*') *:(?: +|$)(?P<value>.*)"
)
_ITEM = re.compile(r"(?P<indent> *)-(?: +|$)(?P<value>.*)")
_PLAIN = re.compile(r"(?P<value>.*?)\s*(?:\s#.*)?")
_QUOTED = re.compile(r"(?:\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^']|'')*)')\s*(?:#.*)?")

BOOLEANS = {
    "true": "true",
    "yes": "true",
    "on": "true",
    "false": "false",
    "no": "false",
    "off": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigText:
    """What a file says: `server.http_port` to its text, and the lines this reader cannot read."""

    path: Path
    values: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def flag(self, key: str, default: bool) -> bool:
        """A truth value as YAML 1.1 spells them."""
        text = BOOLEANS.get(self.values.get(key, "").lower())
        return default if text is None else text == "true"

    def port(self, key: str, default: int) -> int:
        """A port number; the default for anything else, and for 0 (any free one)."""
        text = self.values.get(key, "")
        number = int(text) if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) else 0
        return number if 0 < number <= 65535 else default


def read_config(path: Path) -> ConfigText:
    """Read a file; unreadable ones give a problem, never an exception."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return ConfigText(path=path, problems=(f"cannot be read: {error.strerror}",))
    except UnicodeDecodeError:
        return ConfigText(path=path, problems=("is not UTF-8 text",))
    values, problems = parse_config(text)
    return ConfigText(path=path, values=values, problems=problems)


def parse_config(text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read nested `key: value` lines into dotted keys; lists become comma-separated texts."""
    values: dict[str, str] = {}
    problems: list[str] = []
    path: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith(("#", "---", "%")):
            continue
        if "\t" in line[: len(line) - len(line.lstrip())]:
            problems.append(f"line {number} is indented with a tab; YAML takes blanks only")
            continue
        item = _ITEM.fullmatch(line.rstrip())
        if item is not None and path:
            key = ".".join(name for _, name in path)
            values[key] = ",".join(filter(None, (values.get(key, ""), _scalar(item["value"]))))
            continue
        entry = _ENTRY.fullmatch(line.rstrip())
        if entry is None:
            problems.append(f"line {number} is not understood: a blank after the colon is missing?")
            continue
        _enter(path, len(entry["indent"]), _scalar(entry["key"]))
        _put(values, ".".join(name for _, name in path), entry["value"])
    return values, tuple(problems)


def _put(values: dict[str, str], key: str, text: str) -> None:
    """Note a value; one of `{a: 1, b: 2}` becomes `key.a` and `key.b`."""
    inner = _without_comment(text)
    if inner.startswith("{") and inner.endswith("}"):
        for item in _flow_items(inner[1:-1]):
            entry = _ENTRY.fullmatch(item)
            if entry is not None:
                _put(values, f"{key}.{_scalar(entry['key'])}", entry["value"])
        return
    value = _scalar(text)
    if value:
        values[key] = value


def _flow_items(text: str) -> list[str]:
    """Split at the commas that stand outside brackets, braces and quotes."""
    items, depth, quote, start = [], 0, "", 0
    for place, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
        elif char == "," and depth == 0:
            items.append(text[start:place].strip())
            start = place + 1
    return [item for item in (*items, text[start:].strip()) if item]


def _without_comment(text: str) -> str:
    plain = _PLAIN.fullmatch("" if text.startswith("#") else text.strip())
    return plain["value"] if plain else text


def _enter(path: list[tuple[int, str]], indent: int, key: str) -> None:
    while path and path[-1][0] >= indent:
        path.pop()
    path.append((indent, key))


def _scalar(text: str) -> str:
    text = text.strip()
    quoted = _QUOTED.fullmatch(text)
    if quoted is not None:
        if quoted["single"] is not None:
            return quoted["single"].replace("''", "'")
        return re.sub(r"\\(.)", r"\1", quoted["double"])
    value = _without_comment(text)
    if value.startswith("[") and value.endswith("]"):
        return ",".join(_scalar(item) for item in _flow_items(value[1:-1]))
    return "" if value in ("~", "null") else value


def config_problems(config: ConfigText) -> list[tuple[str, str]]:
    """Find the guide's common issues in the file itself: what is wrong, and the mend.

    Only for when the PBX does not answer: it knows its own settings better.
    """
    found = [(f"{config.path} {problem}", "Correct that line") for problem in config.problems]
    if not config.flag("provisioning.enabled", default=True):
        found.append(("provisioning is not enabled", "Set provisioning.enabled: true, restart"))
    address = config.values.get("server.external_ip", "")
    if not address or _is_unreachable(address):
        found.append(
            (
                f"server.external_ip is {address!r}, which phones cannot reach",
                "Set server.external_ip to this machine's own address, such as 192.168.1.14",
            )
        )
    url = config.values.get("provisioning.url_format", "")
    if url and not (re.match(r"https?://[^/]+/.*\{mac\}|https?://[^/]+/.*/$", url)):
        found.append(
            (
                f"provisioning.url_format is {url!r}: partial or without {{mac}}",
                "Write url_format: http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg",
            )
        )
    return found


def _is_unreachable(address: str) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address.lower() == "localhost"
    return ip.is_loopback or ip.is_unspecified
