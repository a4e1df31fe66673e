"""Check 6, on demand: the PBX asks its own ports, names, clock, certificate and the site's DHCP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from offhook.cli.troubleshoot.api import Api, UnreachableError
from offhook.cli.troubleshoot.checks import finding_lines
from offhook.cli.troubleshoot.report import Check, Line, Mark

NUMBER, TITLE = 6, "Probes"
PATH = "/api/diagnosis/probes"
TIMEOUT_S = 30.0


def check_probes(api: Api, *, with_dhcp: bool = False, interface: str = "") -> Check:
    """Let the PBX probe, and tell a line for each probe and the faults that it proves."""
    data: dict[str, Any] = {"dhcp": with_dhcp}
    try:
        order = {"dhcp": with_dhcp, "interface": interface}
        reply = replace(api, timeout_s=TIMEOUT_S).call("POST", PATH, order)
    except UnreachableError as error:
        lines = [Line(mark=Mark.BLOCKED, text=f"No answer from {api.url}: {error}")]
    else:
        if reply.is_ok and isinstance(reply.data, dict):
            data |= reply.data
            lines = list(_probe_lines(reply.data.get("probes") or []))
        else:
            _, message, hint = reply.error
            text = f"The PBX does not probe: {message}"
            more = (f"→ {hint}",) if hint else ()
            lines = [Line(mark=Mark.BLOCKED, text=text, more=more)]
    return Check(number=NUMBER, title=TITLE, lines=tuple(lines), data=data)


def _probe_lines(probes: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for item in probes:
        text = f"{item.get('probe')}: {item.get('what')}"
        yield Line(mark=Mark.OK if item.get("ok") else Mark.NOTE, text=text)
        findings = item.get("findings") or []
        yield from finding_lines([{**found, "evidence": _evidence(found)} for found in findings])


def _evidence(finding: Mapping[str, Any]) -> list[str]:
    """Evidence lines with their moments, as the other checks print them."""
    return [
        f"{str(line.get('at'))[:19]}Z {line.get('what')}" if line.get("at") else str(line["what"])
        for line in finding.get("evidence") or []
    ]
