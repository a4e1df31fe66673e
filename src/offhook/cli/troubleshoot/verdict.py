"""The verdict on one phone and what happened to it, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offhook.cli.troubleshoot.api import Api, segment
from offhook.cli.troubleshoot.checks import finding_lines
from offhook.cli.troubleshoot.report import Line, Mark

MOMENTS_SHOWN = 15
LADDER = (
    "seen",
    "connected",
    "authenticated",
    "identified",
    "rendered",
    "delivered",
    "applied",
    "registered",
)


def verdict_lines(api: Api, subject: str, data: dict[str, Any]) -> Iterator[Line]:
    """How far it got, the fault that fits best with its steps, then the runner-up."""
    reply = api.call("GET", f"/api/diagnosis/{segment(subject)}")
    if not reply.is_ok or not isinstance(reply.data, dict):
        return
    data |= {"diagnosis": reply.data, "findings": reply.data.get("findings") or []}
    yield from told_lines(reply.data)


def told_lines(diagnosis: Mapping[str, Any]) -> Iterator[Line]:
    """Word a verdict: the sentence, the ladder of stages, each fault with proof and steps."""
    findings = diagnosis.get("findings") or []
    is_right = not findings and not diagnosis.get("missing")
    mark = Mark.OK if is_right else Mark.NOTE
    yield Line(
        mark=mark,
        text=f"Verdict: {diagnosis.get('summary')}",
        more=(f"Stages: {ladder(str(diagnosis.get('stage')))}",),
    )
    yield from finding_lines(findings)


def ladder(stage: str) -> str:
    """Mark the stages proven: `seen ✓ … delivered ✓ → applied ? registered ?`."""
    reached = LADDER.index(stage) + 1 if stage in LADDER else 0
    done = [f"{name} ✓" for name in LADDER[:reached]]
    open_ = [f"{name} ?" for name in LADDER[reached:]]
    return "  ".join([*done, *(["→"] if open_ else []), *open_])


def timeline_lines(
    api: Api, mac: str, data: dict[str, Any], limit: int = MOMENTS_SHOWN
) -> Iterator[Line]:
    """The newest of what happened to it."""
    path = f"/api/provisioning/devices/{segment(mac)}/timeline"
    reply = api.call("GET", path, query={"limit": limit})
    if not reply.is_ok or not isinstance(reply.data, dict):
        return
    moments = reply.data.get("timeline") or []
    data["timeline"] = moments
    if moments:
        yield Line(
            mark=Mark.NOTE,
            text="What happened, newest first:",
            more=tuple(map(moment_text, moments)),
        )


def moment_text(moment: Mapping[str, Any]) -> str:
    """Write one moment in one line: `2026-01-05 11:55:00  request  GET …`."""
    at = str(moment.get("at") or "")[:19].replace("T", " ")
    fault = f"  {moment['fault']}" if moment.get("fault") else ""
    return f"{at}  {moment.get('kind') or '':8}  {moment.get('what')}{fault}"
