"""Evidence lines: when, what, from where, by whom, with which answer."""

from __future__ import annotations

from offhook.core.events import RegistrationRefused
from offhook.core.mac import Mac
from offhook.core.model import Attempt, Reboot, Registration, Sighting, UnknownPhone
from offhook.diagnosis.facts import DirectoryRun, Facts
from offhook.diagnosis.finding import Evidence
from offhook.diagnosis.finding import stamp as stamp


def shown(text: str, limit: int = 200) -> str:
    """Make a text from outside safe to print on one line: odd characters escaped, length cut."""
    cut = text if len(text) <= limit else f"{text[:limit]}..."
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in cut
    )


def times(count: int) -> str:
    """Say how often something happened in the last day."""
    return "once in the last day" if count == 1 else f"{count} times in the last day"


def host_of(source: str) -> str:
    """Give the address of a SIP source such as `udp:192.0.2.5:5060`."""
    return source.split(":", 1)[-1].rpartition(":")[0].strip("[]")


def attempt_line(attempt: Attempt) -> Evidence:
    """Tell a phone's request and its answer."""
    return Evidence(
        f"{shown(attempt.method, 16)} {shown(attempt.path)}"
        f" from {attempt.address}, {_agent(attempt.user_agent)}, status {attempt.status}",
        attempt.at,
    )


def sighting_line(sighting: Sighting) -> Evidence:
    """Tell when a device was last heard of over HTTP."""
    when = stamp(sighting.last_contact) if sighting.last_contact else "never"
    return Evidence(
        f"last request {when} from {sighting.address}, {_agent(sighting.user_agent)}",
        sighting.last_contact,
        is_dated=False,
    )


def agent_line(facts: Facts, mac: Mac, agent: str) -> Evidence:
    """Tell when a device said last who it is: the newest request with that User-Agent."""
    for attempt in facts.attempts:
        if attempt.mac == mac and attempt.user_agent == agent and not attempt.is_test:
            return attempt_line(attempt)
    seen = facts.sightings.get(mac)
    if seen is not None and seen.user_agent == agent:
        return sighting_line(seen)
    return Evidence(_agent(agent))


def unknown_line(phone: UnknownPhone) -> Evidence:
    """Tell how often and until when an unknown phone asked."""
    return Evidence(
        f"last request {stamp(phone.last_seen)} from {phone.address},"
        f" {_agent(phone.user_agent)}, {phone.count} since {stamp(phone.first_seen)}",
        phone.last_seen,
        is_dated=False,
    )


def refusal_line(refusal: RegistrationRefused) -> Evidence:
    """Tell a REGISTER that failed."""
    return Evidence(
        f"REGISTER as {shown(refusal.claimed, 64)} from {refusal.source},"
        f" {_agent(refusal.user_agent)}, {refusal.reason}",
        refusal.at,
    )


def registration_line(registration: Registration) -> Evidence:
    """Tell a live SIP binding."""
    return Evidence(
        f"registered as {registration.extension} from {registration.source}"
        f" since {stamp(registration.registered_at)}, {_agent(registration.user_agent)}",
        registration.registered_at,
        is_dated=False,
    )


def reboot_line(reboot: Reboot) -> Evidence:
    """Tell how far an order to fetch again got."""
    answer = f"answer {reboot.sip_code} {shown(reboot.sip_reason, 64)}".rstrip()
    detail = f": {shown(reboot.detail)}" if reboot.detail else ""
    return Evidence(
        f"NOTIFY {reboot.event} to {shown(reboot.contact)},"
        f" {answer if reboot.sip_code else 'no answer'}, {reboot.step.value}{detail}",
        reboot.asked_at,
    )


def run_line(run: DirectoryRun) -> Evidence:
    """Tell how a synchronisation with the directory ended."""
    problem = run_problem(run)
    fault = f", {run.fault}" if run.fault else ""
    detail = f": {problem}" if problem else ""
    return Evidence(f"synchronisation {run.status}{fault}{detail}", run.at)


def run_problem(run: DirectoryRun) -> str:
    """Say what a synchronisation failed of; empty when nothing is known."""
    return shown(str(run.values.get("problem") or run.values.get("reason") or run.error), 500)


def _agent(user_agent: str) -> str:
    return f"User-Agent {shown(user_agent)}" if user_agent else "no User-Agent"
