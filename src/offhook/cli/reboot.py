"""`offhook reboot`: tell phones to fetch again, and watch until they did."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from offhook.cli.client import CannotRunError, Session, api_command
from offhook.cli.troubleshoot.api import segment
from offhook.core.model import FINAL_STEPS, RebootStep

group = typer.Typer()

LOOK_EVERY_S = 0.25
_HELD = "held"
_SAID: Mapping[str, str] = {
    RebootStep.PENDING: "asked",
    _HELD: "{detail}",
    RebootStep.NOTIFIED: "notified: SIP NOTIFY sent, Event: {event}",
    RebootStep.ANSWERED: "answered: {sip_code} {sip_reason}{challenged}",
    RebootStep.FETCHED: "fetched: the phone has its files",
    RebootStep.REGISTERED: "registered again",
    RebootStep.UNANSWERED: "unanswered: the phone did not answer the NOTIFY ({fault})",
    RebootStep.REFUSED: "refused: {sip_code} {sip_reason} ({fault})",
    RebootStep.CHALLENGED: "challenged: the phone did not take our credentials ({fault})",
    RebootStep.FAILED: "failed: {detail} ({fault})",
    RebootStep.NOT_FETCHED: "not fetched: {detail} ({fault})",
}


@api_command(group, "reboot")
def reboot(
    session: Session,
    extension: Annotated[str, typer.Argument(help="the phones of this extension")] = "",
    is_all: Annotated[bool, typer.Option("--all", help="every registered phone")] = False,
    is_waiting: Annotated[
        bool, typer.Option("--wait", help="watch until they fetched and registered again")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", min=1, help="seconds to watch with --wait")
    ] = 600,
    is_forced: Annotated[
        bool, typer.Option("--force", help="even in the middle of a call; not with --all")
    ] = False,
) -> int:
    """Reboot the phones of an extension, or all; a NOTIFY that was sent proves nothing yet.

    A phone in a call is told when it has hung up, unless --force is given. With --wait each step
    is shown: asked, notified, answered, fetched, registered.
    """
    if bool(extension) == is_all:
        raise CannotRunError("which phones?", "give an extension such as 1001, or --all")
    if is_all and is_forced:
        raise CannotRunError("--force is for one extension", "leave out --force or --all")
    path = "/api/phones/reboot" if is_all else f"/api/phones/{segment(extension)}/reboot"
    done = session.call("POST", path, query={"force": "true"} if is_forced else None)
    if not is_waiting:
        if not session.screen.gave_data(done):
            session.screen.say(done["message"])
        return 1 if done["failed_count"] else 0
    session.screen.say(done["message"])
    watch = Watch(session=session)
    records = watch.follow(_ids(done), timeout_s)
    session.screen.gave_data({**done, "reboots": records})
    return watch.verdict(records)


@dataclass(slots=True, kw_only=True)
class Watch:
    """Follows reboots by their ids, and says each step once."""

    session: Session
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _said: set[tuple[str, str]] = field(default_factory=set)

    def follow(self, ids: Iterable[str], timeout_s: float) -> list[dict[str, Any]]:
        """Watch until each has ended or the time is over; gives the records as they are then."""
        end_s = self.monotonic() + timeout_s
        records: dict[str, dict[str, Any]] = {}
        open_ids = list(ids)
        while open_ids:
            for reboot_id in tuple(open_ids):
                record = self.session.call("GET", f"/api/reboots/{segment(reboot_id)}")
                records[reboot_id] = record
                self._say(record)
                if record["step"] in FINAL_STEPS:
                    open_ids.remove(reboot_id)
            if open_ids and self.monotonic() >= end_s:
                break
            if open_ids:
                self.sleep(LOOK_EVERY_S)
        return list(records.values())

    def verdict(self, records: list[dict[str, Any]]) -> int:
        """Say how many came back; 1 when any did not."""
        back = sum(item["step"] == RebootStep.REGISTERED for item in records)
        self.session.screen.say(f"{back} of {len(records)} phones fetched and registered again")
        return 0 if back == len(records) else 1

    def _say(self, record: dict[str, Any]) -> None:
        phone = record["mac_address"] or record["contact"]
        reached = sorted(record["steps"].items(), key=lambda item: str(item[1]))
        if record["step"] == RebootStep.PENDING and record["detail"]:
            reached.append((_HELD, ""))
        for step, moment in reached:
            if (record["id"], step) in self._said:
                continue
            self._said.add((record["id"], step))
            challenged = " after asking for credentials" if record["was_challenged"] else ""
            text = _SAID.get(step, step).format(**{**record, "challenged": challenged})
            self.session.screen.say(f"{str(moment)[11:19]:8}  {phone}  {text}")


def _ids(done: dict[str, Any]) -> list[str]:
    return [str(item["id"]) for item in done["reboots"]]
