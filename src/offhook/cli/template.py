"""What a change would do, on the screen; and `offhook template check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.client import CannotRunError, Session, api_command
from offhook.cli.troubleshoot.report import EXIT_FOUND

group = typer.Typer(help="Templates of this site: try them before use.", no_args_is_help=True)

PATH = "/api/provisioning/templates"
ASKED = {"preview": "true"}
PreviewOption = Annotated[
    bool, typer.Option("--preview", help="change nothing, show what would change")
]


@api_command(group, "check")
def check_templates(
    session: Session,
    folder: Annotated[Path, typer.Argument(help="folder with VENDOR/NAME.j2 files")],
) -> int:
    """Show what a folder of templates would do; exit code 1 when something is wrong with them."""
    if not folder.is_dir():
        raise CannotRunError(f"{folder} is no folder", "name a folder with VENDOR/NAME.j2 files")
    texts = {f"{file.parent.name}/{file.name}": _read(file) for file in folder.glob("*/*.j2")}
    if not texts:
        raise CannotRunError(f"{folder} holds no VENDOR/NAME.j2", "see offhook vendor list")
    found = session.call("POST", PATH, texts, query=ASKED)
    say_preview(session, found)
    return EXIT_FOUND if any(it["severity"] == "error" for it in found["findings"]) else 0


def say_preview(session: Session, found: dict[str, Any]) -> None:
    """Show a preview: how many phones, each kind of difference, then what is wrong with it."""
    if session.screen.gave_data(found):
        return
    session.screen.say(found["message"])
    for file in found["files"]:
        session.screen.say(f"\n{file['file']} (and {file['phones'] - 1} phones like it)", "bold")
        session.screen.say(file["diff"])
    for item in found["findings"]:
        session.screen.say(f"\n{item['severity']} {item['code']} {item['name']}", "bold")
        session.screen.say(f"{item['message']} ({item['phones']} phones)")
        for number, step in enumerate(item["steps"], 1):
            session.screen.say(f"  {number}. {step}")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRunError(f"{file} cannot be read: {error}", "save it as UTF-8") from None
