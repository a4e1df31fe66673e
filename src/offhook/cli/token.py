"""`offhook token`: who may call the API from other machines."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.device import moment
from offhook.cli.troubleshoot.api import segment

group = typer.Typer(help="API tokens for calls from other machines.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="name of the program or person that uses it")]


@api_command(group, "create")
def create_token(session: Session, name: Name) -> None:
    """Make a token and print it: it is shown now and never again."""
    made = session.call("POST", "/api/tokens", {"name": name})
    if session.screen.gave_data(made):
        return
    session.screen.say(made["token"])
    session.screen.note("Keep it: it is not shown again. Use: Authorization: Bearer <token>")


@api_command(group, "list")
def list_tokens(session: Session) -> None:
    """List tokens by name; their texts are not kept."""
    found = session.call("GET", "/api/tokens")
    if session.screen.gave_data(found):
        return
    rows = [
        (item["name"], moment(item["created_at"]), moment(item["last_used_at"]) or "never")
        for item in found["tokens"]
    ]
    session.screen.table(("Name", "Created", "Last used"), rows)


@api_command(group, "delete")
def delete_token(session: Session, name: Name) -> None:
    """Make a token worthless at once."""
    done = session.call("DELETE", f"/api/tokens/{segment(name)}")
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])
