"""`offhook requests`: what phones asked for."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.device import moment

group = typer.Typer()


@api_command(group, "requests")
def list_requests(
    session: Session,
    mac: Annotated[str, typer.Option(help="only of this phone; any spelling")] = "",
    is_failed: Annotated[bool, typer.Option("--failed", help="only the failed ones")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many, newest first")] = 20,
) -> None:
    """List the newest provisioning requests and why the failed ones failed."""
    query = {"limit": limit, "mac": mac, "success": "false" if is_failed else None}
    found = session.call("GET", "/api/provisioning/requests", query=query)
    if session.screen.gave_data(found):
        return
    rows = [_row(item) for item in found["requests"]]
    head = ("Time", "MAC", "From", "File", "Status", "User-Agent", "Error")
    session.screen.table(head, rows)
    if not rows:
        session.screen.say("No phone has asked yet")


def _row(item: dict[str, Any]) -> tuple[object, ...]:
    test = " (test)" if item["test"] else ""
    return (
        moment(item["timestamp"]),
        item["normalized_mac"] or item["mac_address"],
        item["ip_address"],
        item["file"] or item["path"],
        f"{item['status']} {item['outcome']}{test}",
        item["user_agent"],
        f"{item['fault']} {item['error']}".strip(),
    )
