"""`offhook unknown`: phones that asked and are not registered."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.device import moment, say_rest
from offhook.cli.troubleshoot.api import segment

group = typer.Typer(help="Phones that asked and are not registered.", no_args_is_help=True)
PATH = "/api/provisioning/unknown"


@api_command(group, "list")
def list_unknown(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    offset: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """List them, the one seen last first; register one with `offhook device add`."""
    found = session.call("GET", PATH, query={"limit": limit, "offset": offset})
    if session.screen.gave_data(found):
        return
    rows = [
        (
            item["mac"],
            item["vendor"],
            item["model"],
            item["firmware"],
            item["address"],
            moment(item["last_seen"]),
            item["count"],
        )
        for item in found["phones"]
    ]
    head = ("MAC", "Vendor", "Model", "Firmware", "Address", "Last seen", "Requests")
    session.screen.table(head, rows)
    say_rest(session, found["total"], offset, len(rows), "unknown phones")


@api_command(group, "forget")
def forget_unknown(
    session: Session, mac: Annotated[str, typer.Argument(help="MAC address, any spelling")]
) -> None:
    """Take a phone off the list; it comes back when it asks again."""
    done = session.call("DELETE", f"{PATH}/{segment(mac)}")
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])
