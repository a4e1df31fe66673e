"""`offhook admin`: who may sign in to the pages."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.client import Session, api_command
from offhook.cli.device import moment
from offhook.cli.troubleshoot.api import segment

group = typer.Typer(help="People who may sign in to the pages.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="name to sign in with")]


@api_command(group, "create")
def create_admin(
    session: Session,
    name: Name,
    password: Annotated[
        str,
        typer.Option(
            prompt=True,
            hide_input=True,
            confirmation_prompt=True,
            envvar="OFFHOOK_ADMIN_PASSWORD",
            help="asked for when not given; a command line can be read by others",
        ),
    ],
) -> None:
    """Make an admin, or give one a new password; their sessions end."""
    made = session.call("POST", "/api/admins", {"name": name, "password": password})
    if session.screen.gave_data(made):
        return
    session.screen.say(f"{made['name']} can sign in now")


@api_command(group, "list")
def list_admins(session: Session) -> None:
    """List admins by name."""
    found = session.call("GET", "/api/admins")
    if session.screen.gave_data(found):
        return
    rows = [(item["name"], moment(item["created_at"])) for item in found["admins"]]
    session.screen.table(("Name", "Password set"), rows)


@api_command(group, "delete")
def delete_admin(session: Session, name: Name) -> None:
    """Remove an admin; their sessions end at once."""
    done = session.call("DELETE", f"/api/admins/{segment(name)}")
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])
