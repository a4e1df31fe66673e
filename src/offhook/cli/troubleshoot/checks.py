"""The guide's five checks, each from what was asked once at the start."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from offhook.cli.troubleshoot.config_file import BOOLEANS, ConfigText, config_problems
from offhook.cli.troubleshoot.masking import MASK, is_secret_key
from offhook.cli.troubleshoot.report import Check, Line, Mark, table

FINDINGS_SHOWN = 25
DEVICES_SHOWN = 50
PROBLEM_SUBJECTS = 3
_COMPARED = (
    "provisioning.enabled",
    "provisioning.url_format",
    "server.external_ip",
    "server.http_port",
    "server.sip_port",
)
SEVERITIES = {"error": Mark.PROBLEM, "warning": Mark.WARNING, "info": Mark.NOTE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the PBX said; empty where it was not asked or refused, `blocked` says why.

    `is_pbx`: something answered that is an Offhook, even if only to refuse.
    """

    url: str
    is_pbx: bool = False
    config: ConfigText | None = None
    status: Mapping[str, Any] | None = None
    blocked: Line | None = None
    diagnostics: Mapping[str, Any] | None = None
    requests: Mapping[str, Any] | None = None

    @property
    def running(self) -> Mapping[str, Any]:
        """The settings that the server runs with: dotted key to value."""
        told = self.diagnostics or {}
        return {"enabled": told.get("enabled"), **dict(flat(told.get("configuration") or {}))}


def fleet_lines(answers: Answers) -> tuple[Line, ...]:
    """The fleet in one sentence, and below it each named problem with its count, worst first."""
    told = answers.diagnostics or {}
    if not told.get("summary"):
        return ()
    more = [
        f"{item.get('count')} x {item.get('code')} {item.get('name')}: {item.get('title')}"
        f" ({', '.join(map(str, (item.get('subjects') or [])[:PROBLEM_SUBJECTS]))}"
        f"{', …' if int(item.get('count') or 0) > PROBLEM_SUBJECTS else ''})"
        for item in told.get("problems") or []
    ]
    return (Line(mark=Mark.NOTE, text=str(told["summary"]), more=tuple(more)),)


def check_configuration(answers: Answers) -> Check:
    """1: enabled, URL format, address and port; of the file, and of what the server runs with."""
    lines: list[Line] = []
    config, running = answers.config, answers.running
    if config is not None:
        lines.append(Line(mark=Mark.NOTE, text=f"Configuration file: {config.path}"))
    if answers.diagnostics is not None:
        lines += _running_settings(running)
        found = list(_differences(config, running))
        found += finding_lines(_findings(answers, is_setting=True))
        lines += found or [Line(mark=Mark.OK, text="No configuration issues")]
    elif config is not None:
        lines += _file_settings(config)
    else:
        lines.append(
            Line(
                mark=Mark.SKIPPED,
                text="Skipped: no config.yml here (name it with --config), "
                "and the PBX tells no settings",
            )
        )
    return Check(
        number=1,
        title="Configuration Validation",
        lines=tuple(lines),
        data={"file": _file_data(config), "running": _masked_settings(running)},
    )


def check_connectivity(answers: Answers) -> Check:
    """2: does the PBX answer, and what does it say of itself."""
    lines: list[Line] = []
    if answers.status is not None:
        lines.append(Line(mark=Mark.OK, text=f"PBX API answers at {answers.url}"))
        for key, value in flat(answers.status):
            if key.startswith("sip.counters."):
                continue
            lines.append(Line(mark=Mark.NOTE, text=f"{key}: {_word(value)}"))
        if answers.status.get("running") is False:
            lines.append(Line(mark=Mark.PROBLEM, text="The PBX says that it is not running"))
    if answers.blocked is not None:
        lines.append(answers.blocked)
    return Check(
        number=2,
        title="API Connectivity",
        lines=tuple(lines),
        data={"url": answers.url, "status": answers.status},
    )


def check_provisioning(answers: Answers) -> Check:
    """3: devices, vendors and models, statistics, warnings and findings."""
    title = "Provisioning Diagnostics"
    told = answers.diagnostics
    if told is None:
        return skipped(3, title)
    lines = [
        Line(mark=Mark.NOTE, text="Statistics:", more=_pairs(told.get("statistics") or {})),
        _devices(told.get("devices") or [], told.get("statistics") or {}),
        _models(told.get("models") or {}),
    ]
    lines += [Line(mark=Mark.NOTE, text=str(text)) for text in told.get("notes") or []]
    found = list(finding_lines(_findings(answers, is_setting=False)))
    lines += found or [Line(mark=Mark.OK, text="No findings about phones")]
    data = {key: told.get(key) for key in ("statistics", "devices", "models", "findings")}
    return Check(number=3, title=title, lines=tuple(lines), data=data)


def check_history(answers: Answers) -> Check:
    """4: the newest requests of phones, with the reason of each failure."""
    title = "Request History"
    if answers.requests is None:
        return skipped(4, title)
    requests = answers.requests.get("requests") or []
    lines = list(_request_lines(requests))
    if not requests:
        lines.append(
            Line(
                mark=Mark.NOTE,
                text="No phone has asked yet",
                more=(
                    "Check that the phone has the full URL, and that no firewall is in between",
                    "Phones ask at boot: restart one and run this again",
                ),
            )
        )
    return Check(number=4, title=title, lines=tuple(lines), data={"requests": requests})


def skipped(number: int, title: str) -> Check:
    """A check that needs the API and does not have it."""
    line = Line(mark=Mark.SKIPPED, text="Skipped: the PBX API gives no answer to look at")
    return Check(number=number, title=title, lines=(line,))


def finding_lines(findings: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """One line a finding: code, message, evidence and steps; the rest is counted."""
    for item in findings[:FINDINGS_SHOWN]:
        more = [f"  {evidence_text(line)}" for line in item.get("evidence") or []]
        for step in map(str, item.get("steps") or []):
            first, *rest = step.split("\n")
            more += [f"→ {first}", *(f"   {line}" for line in rest)]
        yield Line(
            mark=SEVERITIES.get(str(item.get("severity")), Mark.WARNING),
            text=f"{_code(item)} {item.get('message')}",
            more=tuple(more),
        )
    if len(findings) > FINDINGS_SHOWN:
        count = len(findings) - FINDINGS_SHOWN
        yield Line(mark=Mark.WARNING, text=f"{count} more findings; --json shows them all")


def evidence_text(line: Any) -> str:
    """Word one line of evidence, whichever of the two calls gave it."""
    if not isinstance(line, Mapping):
        return str(line)
    at = _moment(line.get("at"))
    what = str(line.get("what") or "")
    return f"{at}  {what}" if at and at.replace(" ", "T") not in what else what


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give nested settings as dotted keys."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _running_settings(running: Mapping[str, Any]) -> list[Line]:
    pairs = tuple(f"{key}: {_word(value)}" for key, value in _masked_settings(running).items())
    return [Line(mark=Mark.NOTE, text="The running server uses:", more=pairs)]


def _masked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: MASK if is_secret_key(key) and value not in ("", None, True, False) else value
        for key, value in sorted(settings.items())
    }


def _differences(config: ConfigText | None, running: Mapping[str, Any]) -> Iterator[Line]:
    """The file says otherwise than the running server: it was edited and not restarted."""
    for key in _COMPARED:
        name = key.rpartition(".")[2]
        text = config.values.get(key, "") if config else ""
        is_any_port = name.endswith("_port") and text == "0"
        is_overridden = f"OFFHOOK_{key.upper().replace('.', '__')}" in os.environ
        if not text or is_any_port or is_overridden or running.get(name) is None:
            continue
        used = _word(running[name])
        if (BOOLEANS.get(text.lower(), text)) != used:
            yield Line(
                mark=Mark.WARNING,
                text=f"{key} is {text} in the file, the running server uses {used}",
                more=("→ Restart the server; or it was started with another file or environment",),
            )


def _file_settings(config: ConfigText) -> list[Line]:
    enabled = config.flag("provisioning.enabled", default=True)
    shown = {
        "provisioning.enabled": "true" if enabled else "false",
        "provisioning.url_format": config.values.get("provisioning.url_format", "(default)"),
        "server.external_ip": config.values.get("server.external_ip", "(not set)"),
        "server.http_port": config.values.get("server.http_port", "8080 (default)"),
        "server.sip_port": config.values.get("server.sip_port", "5060 (default)"),
    }
    lines = [Line(mark=Mark.NOTE, text="The file says:", more=_pairs(shown))]
    lines += [
        Line(mark=Mark.PROBLEM, text=text, more=(f"→ {mend}",))
        for text, mend in config_problems(config)
    ]
    return lines if len(lines) > 1 else [*lines, Line(mark=Mark.OK, text="No configuration issues")]


def _file_data(config: ConfigText | None) -> dict[str, Any] | None:
    if config is None:
        return None
    return {
        "path": str(config.path),
        "settings": _masked_settings(config.values),
        "problems": list(config.problems),
    }


def _devices(devices: Sequence[Mapping[str, Any]], statistics: Mapping[str, Any]) -> Line:
    if not devices:
        return Line(
            mark=Mark.NOTE,
            text="No devices are registered",
            more=("→ Register one: POST /api/provisioning/devices, or offhook device add",),
        )
    rows = [
        [
            str(item.get("mac") or item.get("mac_address") or ""),
            _word(item.get("extension_number")),
            _word(item.get("vendor")),
            _word(item.get("model")),
            _moment(item.get("last_provisioned")) or "never",
        ]
        for item in devices[:DEVICES_SHOWN]
    ]
    total = int(statistics.get("total_devices") or len(devices))
    more = table(("MAC address", "Extension", "Vendor", "Model", "Last provisioned"), rows)
    if total > len(rows):
        more += (f"and {total - len(rows)} more",)
    return Line(mark=Mark.NOTE, text=f"Registered devices: {total}", more=more)


def _models(models: Mapping[str, Any]) -> Line:
    more: list[str] = []
    for vendor, items in sorted(models.items()):
        names = ", ".join(map(str, items))
        more += wrap(f"{vendor}: {names}", 94, subsequent_indent="  ")
    return Line(mark=Mark.NOTE, text="Supported vendors and models:", more=tuple(more))


def _request_lines(requests: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """One request a line; the first failure of a kind and phone with all that is known of it."""
    told: set[tuple[object, object]] = set()
    for item in requests:
        is_success = bool(item.get("success"))
        phone = item.get("normalized_mac") or item.get("mac_address") or "no MAC"
        test = " (test)" if item.get("test") else ""
        more: tuple[str, ...] = ()
        if not is_success:
            kind = (item.get("fault"), phone)
            more = _failure(item) if kind not in told else (f"Error: {_code_and_error(item)}",)
            told.add(kind)
        yield Line(
            mark=Mark.OK if is_success else Mark.PAST,
            text=f"{_moment(item.get('timestamp'))}  {phone}  from {item.get('ip_address')}  "
            f"{item.get('file') or item.get('path') or ''}{test}  "
            f"User-Agent: {item.get('user_agent') or 'none'}",
            more=more,
        )


def _failure(item: Mapping[str, Any]) -> tuple[str, ...]:
    hints = [line for line in str(item.get("hint") or "").split("\n") if line]
    return (f"Error: {_code_and_error(item)}", *hints)


def _code_and_error(item: Mapping[str, Any]) -> str:
    return f"{item.get('fault') or ''} {item.get('error') or 'unknown'}".strip()


def _findings(answers: Answers, *, is_setting: bool) -> list[Mapping[str, Any]]:
    """The findings about settings (P1xx), or all the others; `warnings` are the same in short."""
    findings = (answers.diagnostics or {}).get("findings") or []
    return [item for item in findings if _code(item).startswith("P1") is is_setting]


def _code(item: Mapping[str, Any]) -> str:
    return str(item.get("code") or "")


def _pairs(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(f"{key}: {_word(value)}" for key, value in flat(values))


def _moment(value: Any) -> str:
    """A moment of the API (UTC) to the second; empty for none."""
    return _word(value)[:19].replace("T", " ")


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
