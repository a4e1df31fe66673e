"""Evidence lines: when, what, from where, by whom, with which answer."""

from __future__ import annotations

from datetime import UTC, datetime

from offhook.core.events import RegistrationRefused
from offhook.core.model import Attempt, Reboot, Registration, Sighting, UnknownPhone
from offhook.diagnosis.facts import DirectoryRun


def stamp(at: datetime) -> str:
    """Write a moment as UTC ISO 8601 to the second: `2025-12-05T19:00:00Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def shown(text: str, limit: int = 200) -> str:
    """Make a text from outside safe to print on one line: odd characters escaped, length cut."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in cut
    )


def host_of(source: str) -> str:
    """Give the address of a SIP source such as `udp:192.0.2.5:5060`."""
    return source.split(":", 1)[-1].rpartition(":")[0].strip("[]")


def attempt_line(attempt: Attempt) -> str:
    """Tell a phone's request and its answer."""
    return (
        f"{stamp(attempt.at)} {shown(attempt.method, 16)} {shown(attempt.path)}"
        f" from {attempt.address}, {_agent(attempt.user_agent)}, status {attempt.status}"
    )


def sighting_line(sighting: Sighting) -> str:
    """Tell when a device was last heard of over HTTP."""
    when = stamp(sighting.last_contact) if sighting.last_contact else "never"
    return f"last request {when} from {sighting.address}, {_agent(sighting.user_agent)}"


def unknown_line(phone: UnknownPhone) -> str:
    """Tell how often and until when an unknown phone asked."""
    return (
        f"last request {stamp(phone.last_seen)} from {phone.address},"
        f" {_agent(phone.user_agent)}, {phone.count} since {stamp(phone.first_seen)}"
    )


def refusal_line(refusal: RegistrationRefused) -> str:
    """Tell a REGISTER that failed."""
    return (
        f"{stamp(refusal.at)} REGISTER as {shown(refusal.claimed, 64)} from {refusal.source},"
        f" {_agent(refusal.user_agent)}, {refusal.reason}"
    )


def registration_line(registration: Registration) -> str:
    """Tell a live SIP binding."""
    return (
        f"registered as {registration.extension} from {registration.source}"
        f" since {stamp(registration.registered_at)}, {_agent(registration.user_agent)}"
    )


def reboot_line(reboot: Reboot) -> str:
    """Tell how far an order to fetch again got."""
    answer = f"answer {reboot.sip_code} {shown(reboot.sip_reason, 64)}".rstrip()
    detail = f": {shown(reboot.detail)}" if reboot.detail else ""
    return (
        f"{stamp(reboot.asked_at)} NOTIFY {reboot.event} to {shown(reboot.contact)},"
        f" {answer if reboot.sip_code else 'no answer'}, {reboot.step.value}{detail}"
    )


def run_line(run: DirectoryRun) -> str:
    """Tell how a synchronisation with the directory ended."""
    problem = run_problem(run)
    fault = f", {run.fault}" if run.fault else ""
    detail = f": {problem}" if problem else ""
    return f"{stamp(run.at)} synchronisation {run.status}{fault}{detail}"


def run_problem(run: DirectoryRun) -> str:
    """Say what a synchronisation failed of; empty when nothing is known."""
    return shown(str(run.values.get("problem") or run.values.get("reason") or run.error), 500)


def _agent(user_agent: str) -> str:
    return f"User-Agent {shown(user_agent)}" if user_agent else "no User-Agent"
