"""`offhook diagnose` and `offhook timeline`: one phone, what is wrong with it and what happened."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.troubleshoot.api import segment
from offhook.cli.troubleshoot.report import EXIT_FOUND, printer
from offhook.cli.troubleshoot.verdict import moment_text, told_lines

group = typer.Typer()


@api_command(group, "diagnose")
def diagnose(
    session: Session,
    subject: Annotated[str, typer.Argument(help="MAC in any spelling, extension or IP address")],
) -> None:
    """Say how far a phone got, what fits best, the proof, and the steps that mend it.

    Exit code 0: the phone is right. 1: it is not, or not yet.
    """
    found = session.call("GET", f"/api/diagnosis/{segment(subject)}")
    if not session.screen.gave_data(found):
        writer = printer(sys.stdout)
        for line in told_lines(found):
            writer.line(line)
    if found["findings"] or found["missing"]:
        raise typer.Exit(EXIT_FOUND)


@api_command(group, "timeline")
def timeline(
    session: Session,
    mac: Annotated[str, typer.Argument(help="the phone, any spelling of its MAC")],
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many, newest first")] = 50,
    before: Annotated[str, typer.Option(help="only before this moment: 2026-01-05T12:00:00Z")] = "",
) -> None:
    """List requests, registrations, orders to fetch and changes of a phone in one order."""
    path = f"/api/provisioning/devices/{segment(mac)}/timeline"
    found = session.call("GET", path, query={"limit": limit, "before": before})
    if session.screen.gave_data(found):
        return
    for moment in found["timeline"]:
        session.screen.say(moment_text(moment))
    if not found["timeline"]:
        session.screen.say("Nothing is known to have happened to it yet")
    elif found["next_before"]:
        session.screen.say(f"Older: --before {found['next_before']}")
