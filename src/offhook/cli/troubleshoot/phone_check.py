"""Check 5: one phone by its MAC address: registered, downloadable, and with what content."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from offhook.cli.troubleshoot.api import Api, Reply, UnreachableError, segment
from offhook.cli.troubleshoot.checks import finding_lines
from offhook.cli.troubleshoot.masking import is_secret_key, masked
from offhook.cli.troubleshoot.report import Check, Line, Mark

TEST_HEADERS = {"X-Offhook-Test": "1"}
"""Marks our download in the history, so that it never counts as the phone's."""

_SHAPES = re.compile(
    r"(?:[0-9a-f]{12}|(?:[0-9a-f]{2}[:\-]){5}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4})"
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
    reply = _download(api, mac, record)
    lines += _download_lines(api, reply, data)
    lines += _content_lines(api, reply, record, data)
    told = api.call("GET", "/api/provisioning/diagnostics", query={"mac": mac})
    diagnostics = told.data if told.is_ok and isinstance(told.data, dict) else {}
    if data["registered"] is False or (data["registered"] is None and reply.status == 404):
        lines.append(_registration_line(api, mac, diagnostics))
    findings = [item for item in diagnostics.get("findings") or [] if _is_about(item, mac)]
    data["findings"] = findings
    lines += finding_lines(findings)


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


def _download(api: Api, mac: str, record: Mapping[str, Any]) -> Reply:
    path = urlsplit(str(record.get("config_url") or "")).path or f"/provision/{mac}.cfg"
    return api.call("GET", path, headers=TEST_HEADERS)


def _download_lines(api: Api, reply: Reply, data: dict[str, Any]) -> Iterator[Line]:
    size = len(reply.body)
    kind = reply.headers.get("content-type", "unknown type").partition(";")[0]
    data["download"] = {"status": reply.status, "size_bytes": size, "content_type": kind}
    if reply.status == 200:
        yield Line(
            mark=Mark.OK,
            text=f"Config downloads: {size} bytes, {kind}",
            more=("(marked as a test: it does not count as the phone's own request)",),
        )
        return
    answer = [line for line in reply.body[:2000].decode("utf-8", "replace").split("\n") if line]
    data["download"]["answer"] = answer
    yield Line(
        mark=Mark.PROBLEM,
        text=f"Config download from {api.url} was refused: HTTP {reply.status}",
        more=tuple(answer),
    )


def _content_lines(
    api: Api, reply: Reply, record: Mapping[str, Any], data: dict[str, Any]
) -> Iterator[Line]:
    if reply.status != 200:
        return
    try:
        text = reply.body.decode("utf-8")
    except UnicodeDecodeError:
        yield Line(mark=Mark.NOTE, text="The content is binary and not shown")
        return
    exact = _masked_by_server(api, record, text)
    shown = masked(text, _harmless(api, record)) if exact is None else exact
    content = shown.rstrip("\n").split("\n")
    data["content"] = content
    yield Line(mark=Mark.NOTE, text="Config content (secrets masked as ***):", more=tuple(content))


def _masked_by_server(api: Api, record: Mapping[str, Any], text: str) -> str | None:
    """The same file as the server masks it: it knows which values are secrets, we only guess.

    None unless it is the file that was downloaded, line by line, but for what is masked.
    """
    if not record:
        return None
    mac = segment(str(record.get("mac_address")))
    reply = api.call("GET", f"/api/provisioning/devices/{mac}/config")
    shown = reply.body.decode("utf-8", "replace") if reply.is_ok else ""
    theirs, ours = shown.split("\n"), text.split("\n")
    if len(theirs) != len(ours) or not all(map(_is_masked_form, theirs, ours)):
        return None
    return masked(shown, is_opaque_shown=True)


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


def _registration_line(api: Api, mac: str, diagnostics: Mapping[str, Any]) -> Line:
    """The command to type; maker and model as the phone told them, if it ever asked."""
    vendor, model = "VENDOR", "MODEL"
    for item in diagnostics.get("unknown_phones") or []:
        if parse_mac(str(item.get("mac_address") or "")) == mac:
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


def _is_about(item: Mapping[str, Any], mac: str) -> bool:
    return parse_mac(str(item.get("subject") or "")) == mac


def colons(mac: str) -> str:
    """The form on a phone's label: `00:15:65:12:34:56`."""
    return ":".join(mac[i : i + 2] for i in range(0, 12, 2)).upper()
