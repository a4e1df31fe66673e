"""`offhook sync`: synchronise extensions with a directory, or see what a run would do."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from offhook.cli.client import CannotRunError, Session, api_command
from offhook.errors import OffhookError

group = typer.Typer()

SHOWN = 200
"""Changes printed; --json gives all."""

RUN_TIMEOUT_S = 3900.0
"""Longer than a run may read (an hour), so that the server ends it first."""

_SIGNS = {"create": "+", "missing": "-", "disable": "-", "conflict": "!", "ignored": " "}


@api_command(group, "sync")
def sync(
    session: Session,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="show what would change; change nothing")
    ] = False,
    confirm: Annotated[
        str, typer.Option("--confirm", help="apply the plan of this id over the brakes")
    ] = "",
    source: Annotated[str, typer.Option("--source", help="ad, or file")] = "ad",
) -> int:
    """Synchronise with the directory and print what changed, person by person.

    Phones whose files change are told to fetch again. A run that a brake refused prints its plan's
    id: look at it, then give it with --confirm.
    """
    if source not in ("ad", "file"):
        raise CannotRunError(f"there is no source {source!r}", "use --source ad or --source file")
    path = f"/api/integrations/{source}"
    body: dict[str, Any] = {"dry_run": is_dry_run}
    if confirm:
        body["confirm"] = confirm
    report = _watched(session, path, lambda run: run.call("POST", f"{path}/sync", body))
    if not session.screen.gave_data(report):
        _print(session, report)
    return 0 if report["success"] and report["status"] != "partial" else 1


@dataclass(slots=True)
class _Job:
    """A call in a thread."""

    result: dict[str, Any] | None = None
    error: OffhookError | None = None


def _watched(
    session: Session, path: str, call: Callable[[Session], dict[str, Any]]
) -> dict[str, Any]:
    """Run the call, and say on standard error how far it is when it takes long."""
    job = _Job()
    patient = replace(session, api=replace(session.api, timeout_s=RUN_TIMEOUT_S))

    def work() -> None:
        try:
            job.result = call(patient)
        except OffhookError as error:
            job.error = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(1.0)
    while thread.is_alive():
        _say_progress(session, path)
        thread.join(1.0)
    if job.error is not None:
        raise job.error
    return job.result or {}


def _say_progress(session: Session, path: str) -> None:
    try:
        running = session.call("GET", f"{path}/status").get("running")
    except OffhookError:
        return
    if running:
        of = f" of {running['total']}" if running["total"] else ""
        sys.stderr.write(f"{running['doing']}: {running['count']}{of}\n")
        sys.stderr.flush()


def _print(session: Session, report: Mapping[str, Any]) -> None:
    screen = session.screen
    for change in report["changes"][:SHOWN]:
        screen.say(_line(change))
    if len(report["changes"]) > SHOWN:
        screen.say(f"  … and {len(report['changes']) - SHOWN} more; --json gives all")
    for problem in report["problems"]:
        screen.say(f"! {problem['login']}: {problem['fault']} {problem['message']}", "yellow")
    for brake in report["brakes"]:
        screen.say(f"Brake {brake['name']}: {brake['count']}, allowed {brake['limit']}", "bold")
    for warning in report["warnings"]:
        screen.say(f"Warning: {warning}", "yellow")
    if report["would_reboot"]:
        screen.say(f"Would fetch again: {', '.join(report['would_reboot'][:20])}")
    screen.say(report["message"])
    _say_plan(session, report)


def _say_plan(session: Session, report: Mapping[str, Any]) -> None:
    """Print the plan's id, and how to confirm it where a confirmation helps."""
    is_refused = report["status"] == "refused"
    if report["is_dry_run"] or is_refused:
        session.screen.say(f"Plan {report['plan_id']}")
    # An answer without anybody is applied by no confirmation, so none is offered.
    if is_refused and report["counts"]["people"]:
        source = " --source file" if report["source"] == "file" else ""
        session.screen.say(f"To apply it: offhook sync{source} --confirm {report['plan_id']}")


def _line(change: Mapping[str, Any]) -> str:
    kinds = change["kinds"]
    sign = next((_SIGNS[kind] for kind in kinds if kind in _SIGNS), "~")
    fields = ", ".join(
        f"{item['field']} {item['old']!r} -> {item['new']!r}" for item in change["fields"]
    )
    return f"{sign} {change['number'] or '-':>6} {change['login']}: {', '.join(kinds)} {fields}"
