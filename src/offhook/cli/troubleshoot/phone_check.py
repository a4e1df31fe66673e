"""Check 5: one phone by its MAC address: registered, downloadable, and with what content."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from offhook.cli.troubleshoot.api import Api, Reply, UnreachableError, segment
from offhook.cli.troubleshoot.masking import is_secret_key, masked
from offhook.cli.troubleshoot.report import Check, Line, Mark
from offhook.cli.troubleshoot.verdict import timeline_lines, verdict_lines

TEST_HEADERS = {"X-Offhook-Test": "1"}
"""Marks our download in the history, so that it never counts as the phone's."""

_SHAPES = re.compile(
    r"[0-9a-f]{12}|(?:[0-9a-f]{2}:){5}[0-9a-f]{2}|(?:[0-9a-f]{2}-){5}[0-9a-f]{2}"
    r"|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}"
)


def parse_mac(text: str) -> str:
    """Give twelve lower-case digits of one of the guide's five spellings, else an empty text."""
    lowered = text.strip().lower()
    digits = re.sub(r"[:\-.]", "", lowered) if _SHAPES.fullmatch(lowered) else ""
    return "" if digits in ("0" * 12, "f" * 12) else digits


def check_mac(api: Api, mac: str) -> Check:
    """Test one phone; the download works without a token, its record does not."""
    lines: list[Line] = []
    data: dict[str, Any] = {"mac": mac, "registered": None}
    try:
        _examine(api, mac, lines, data)
    except UnreachableError as error:
        lines.append(Line(mark=Mark.BLOCKED, text=f"No answer from {api.url}: {error}"))
    return Check(number=5, title="MAC Address Testing", lines=tuple(lines), data=data)


def _examine(api: Api, mac: str, lines: list[Line], data: dict[str, Any]) -> None:
    record = _record(api, mac, data, lines)
    known = _known_file(api, mac) if record else None
    path = urlsplit(str(record.get("config_url") or "")).path or f"/provision/{mac}.cfg"
    folder, _, asked = path.rpartition("/")
    names = dict.fromkeys([asked, *([known.name] if known else [])])
    downloads = [Download(name=name, reply=_fetch(api, folder, name)) for name in names]
    data["downloads"] = []
    for item in downloads:
        shown, found = _shown(item, known, _harmless(api, record))
        lines += shown
        data["downloads"].append(found)
    is_missing = downloads[0].reply.status == 404
    if data["registered"] is False or (data["registered"] is None and is_missing):
        lines.append(_registration_line(api, mac, _unknown_phones(api)))
    data["findings"] = []
    lines += verdict_lines(api, mac, data)
    lines += timeline_lines(api, mac, data)


def _record(api: Api, mac: str, data: dict[str, Any], lines: list[Line]) -> Mapping[str, Any]:
    """The device's record; empty when it has none or we may not see it."""
    reply = api.call("GET", f"/api/provisioning/devices/{segment(mac)}")
    if reply.is_ok and isinstance(reply.data, dict):
        found = reply.data.get("device")
        record: dict[str, Any] = found if isinstance(found, dict) else reply.data
        data |= {"registered": True, "device": record}
        more = tuple(
            f"{key}: {record[key]}"
            for key in ("extension_number", "vendor", "model", "config_url", "last_provisioned")
            if record.get(key) is not None
        )
        lines.append(Line(mark=Mark.OK, text=f"Device {colons(mac)} is registered", more=more))
        return record
    if reply.status == 404:
        data["registered"] = False
        text = f"Device {colons(mac)} is not registered in the provisioning system"
        lines.append(Line(mark=Mark.PROBLEM, text=text))
    else:
        _, message, hint = reply.error
        text = f"Whether {colons(mac)} is registered cannot be seen: {message}"
        lines.append(Line(mark=Mark.SKIPPED, text=text, more=(hint,) if hint else ()))
    return {}


def _fetch(api: Api, folder: str, name: str) -> Reply:
    return api.call("GET", f"{folder}/{quote(unquote(name))}", headers=TEST_HEADERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFile:
    """The file with the account as the server shows it: it knows what a secret is, we guess."""

    name: str
    text: str


def _known_file(api: Api, mac: str) -> KnownFile | None:
    reply = api.call("GET", f"/api/provisioning/devices/{segment(mac)}/config")
    name = reply.headers.get("x-offhook-file", "")
    if not reply.is_ok or not name:
        return None
    return KnownFile(name=name, text=reply.body.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file asked for as the phone would, and what came."""

    name: str
    reply: Reply


def _shown(
    item: Download, known: KnownFile | None, harmless: set[str]
) -> tuple[list[Line], dict[str, Any]]:
    """The download and its content for people, and for programs."""
    reply, name = item.reply, item.name
    kind = reply.headers.get("content-type", "unknown type").partition(";")[0]
    data: dict[str, Any] = {
        "file": name,
        "status": reply.status,
        "size_bytes": len(reply.body),
        "content_type": kind,
    }
    if reply.status != 200:
        text = reply.body[:2000].decode("utf-8", "replace")
        data["answer"] = [line for line in text.split("\n") if line]
        refused = f"Config download of {name} was refused: HTTP {reply.status}"
        return [Line(mark=Mark.PROBLEM, text=refused, more=tuple(data["answer"]))], data
    loaded = Line(
        mark=Mark.OK,
        text=f"Config downloads: {name}, {len(reply.body)} bytes, {kind}",
        more=("(marked as a test: it does not count as the phone's own request)",),
    )
    try:
        text = reply.body.decode("utf-8")
    except UnicodeDecodeError:
        return [loaded, Line(mark=Mark.NOTE, text="Its content is binary and not shown")], data
    data["content"] = _masked(text, known, harmless).rstrip("\n").split("\n")
    title = "Config content (secrets masked as ***):"
    return [loaded, Line(mark=Mark.NOTE, text=title, more=tuple(data["content"]))], data


def _masked(text: str, known: KnownFile | None, harmless: set[str]) -> str:
    """Mask as the server does when this is the file it knows, line by line; else by our guess."""
    theirs, ours = known.text.split("\n") if known else [], text.split("\n")
    if len(theirs) == len(ours) and all(map(_is_masked_form, theirs, ours)):
        return masked("\n".join(theirs), is_opaque_shown=True)
    return masked(text, harmless)


def _is_masked_form(shown: str, line: str) -> bool:
    """Say whether a line is the other one with its secrets masked."""
    first, *rest = re.split(r"\*{8}", shown)
    if not rest:
        return shown == line
    return line.startswith(first) and line.endswith(rest[-1])


def _harmless(api: Api, record: Mapping[str, Any]) -> set[str]:
    """Values that may be shown under keys that tell nothing: numbers, names, address."""
    records = [record, *(item for item in record.get("lines") or [] if isinstance(item, dict))]
    known = {
        str(value)
        for item in records
        for key, value in item.items()
        if isinstance(value, str | int) and not is_secret_key(key)
    }
    for url in (str(record.get("config_url") or ""), api.url):
        known.add(urlsplit(url).hostname or "")
    return known


def _unknown_phones(api: Api) -> Sequence[Mapping[str, Any]]:
    told = api.call("GET", "/api/provisioning/unknown", query={"limit": 1000})
    phones = told.data.get("phones") if told.is_ok and isinstance(told.data, dict) else None
    return phones if isinstance(phones, list) else []


def _registration_line(api: Api, mac: str, unknown: Sequence[Mapping[str, Any]]) -> Line:
    """The command to type; maker and model as the phone told them, if it ever asked."""
    vendor, model = "VENDOR", "MODEL"
    for item in unknown:
        if parse_mac(str(item.get("mac") or item.get("mac_address") or "")) == mac:
            vendor, model = item.get("vendor") or vendor, item.get("model") or model
    body = {
        "mac_address": colons(mac),
        "extension_number": "XXXX",
        "vendor": vendor,
        "model": model,
    }
    return Line(
        mark=Mark.NOTE,
        text="Register it with (put in the extension, vendor and model):",
        more=(
            f"curl -X POST {api.url}/api/provisioning/devices \\",
            '  -H "Content-Type: application/json" \\',
            f"  -d '{json.dumps(body, separators=(',', ':'))}'",
        ),
    )


def colons(mac: str) -> str:
    """The form on a phone's label: `00:15:65:12:34:56`."""
    return ":".join(mac[i : i + 2] for i in range(0, 12, 2)).upper()
