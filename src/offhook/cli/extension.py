"""`offhook extension`: numbers, names and secrets."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from offhook.actions.changing import new_password
from offhook.cli.client import CannotRunError, Session, api_command
from offhook.cli.device import moment, say_rest
from offhook.cli.template import ASKED, PreviewOption, say_preview
from offhook.cli.troubleshoot.api import segment

group = typer.Typer(help="Extensions: add, show, rename, delete.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="extension number, such as 1001")]
PATH = "/api/extensions"


@api_command(group, "list")
def list_extensions(
    session: Session,
    query: Annotated[str, typer.Option("--query", "-q", help="text in number or name")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    offset: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """List extensions and whether a phone is registered for each."""
    found = session.call("GET", PATH, query={"q": query, "limit": limit, "offset": offset})
    if session.screen.gave_data(found):
        return
    rows = [
        (item["number"], item["name"], item["registered"], item["email"], item["source"])
        for item in found["extensions"]
    ]
    session.screen.table(("Number", "Name", "Registered", "Email", "Source"), rows)
    say_rest(session, found["total"], offset, len(rows), "extensions")


@api_command(group, "add")
def add_extension(
    session: Session,
    number: Number,
    name: Annotated[str, typer.Argument(help="display name, such as 'John Smith'")],
    email: Annotated[str, typer.Option(help="e-mail address")] = "",
    secret: Annotated[
        str, typer.Option(envvar="OFFHOOK_SIP_SECRET", help="SIP secret; default: a strong one")
    ] = "",
) -> None:
    """Add an extension; a strong SIP secret is made unless one is given."""
    body: dict[str, Any] = {"number": number, "name": name, "email": email}
    if secret:
        body["secret"] = secret
    added = session.call("POST", PATH, body)
    if session.screen.gave_data(added):
        return
    session.screen.say(f"Extension {added['number']} ({added['name']}) added")


@api_command(group, "show")
def show_extension(session: Session, number: Number) -> None:
    """Show one extension; its secret only by `offhook extension secret`."""
    found = session.call("GET", f"{PATH}/{segment(number)}")
    if session.screen.gave_data(found):
        return
    devices = ", ".join(found["devices"]) or "none"
    rows: list[tuple[str, object]] = [
        ("Number", found["number"]),
        ("Name", found["name"]),
        ("Email", found["email"]),
        ("Registered", found["registered"]),
        ("Devices", devices),
        ("Source", found["source"]),
        ("Created", moment(found["created_at"])),
    ]
    session.screen.facts(rows)


@api_command(group, "set")
def set_extension(
    session: Session,
    number: Number,
    name: Annotated[str | None, typer.Option(help="new display name")] = None,
    email: Annotated[str | None, typer.Option(help="new e-mail address")] = None,
    is_preview: PreviewOption = False,
) -> None:
    """Change name or e-mail; phones whose files change are told to fetch again."""
    body = {key: value for key, value in (("name", name), ("email", email)) if value is not None}
    if not body:
        raise CannotRunError("nothing to change", "give --name or --email")
    path = f"{PATH}/{segment(number)}"
    if is_preview:
        say_preview(session, session.call("PATCH", path, body, query=ASKED))
        return
    _say_changed(session, session.call("PATCH", path, body))


@api_command(group, "secret")
def show_secret(
    session: Session,
    number: Number,
    is_new: Annotated[
        bool, typer.Option("--new", help="replace it by a new one; its phones fetch again")
    ] = False,
) -> None:
    """Print the SIP secret; who asked is noted among the changes."""
    path = f"{PATH}/{segment(number)}"
    if is_new:
        _say_changed(session, session.call("PATCH", path, {"secret": new_password()}))
        return
    found = session.call("GET", f"{path}/secret")
    if session.screen.gave_data(found):
        return
    session.screen.say(found["secret"])


@api_command(group, "delete")
def delete_extension(session: Session, number: Number) -> None:
    """Delete an extension that no device uses."""
    done = session.call("DELETE", f"{PATH}/{segment(number)}")
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])


def _say_changed(session: Session, done: dict[str, Any]) -> None:
    if session.screen.gave_data(done):
        return
    session.screen.say(done["message"])
