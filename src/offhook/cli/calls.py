"""`offhook calls`: who talks with whom."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.device import moment

group = typer.Typer()


@api_command(group, "calls")
def list_calls(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many, longest first")] = 100,
) -> None:
    """List the calls that ring or are talked on now."""
    found = session.call("GET", "/api/calls", query={"limit": limit})
    if session.screen.gave_data(found):
        return
    calls = found["calls"]
    if not calls:
        session.screen.say("No calls now")
        return
    session.screen.table(
        ("Since", "Caller", "Callee", "State"),
        [(moment(item["since"]), item["caller"], item["callee"], item["state"]) for item in calls],
    )
    if found["total"] > len(calls):
        session.screen.say(f"{len(calls)} of {found['total']} calls")
