"""What the rules on finished files share: from a mistake in a file to a finding with its mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.lint import TEMPLATE, LintProblem
from offhook.core.mac import Mac
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.examples import FILE, HEALTHY, MAC
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding
from offhook.diagnosis.rule import Fault

_PATIENCE = timedelta(minutes=3)
Applies = Callable[[Facts, Mac, LintProblem], bool]


def found_in_files(fault: Fault, facts: Facts, applies: Applies | None = None) -> Iterator[Finding]:
    """Give a finding for each mistake of the fault's code, the first of each key."""
    for mac, problems in facts.lint.items():
        device = facts.devices.get(mac)
        for problem in problems if device else ():
            if problem.code != fault.code or not (applies is None or applies(facts, mac, problem)):
                continue
            yield fault.finding(
                mac.colons,
                mac=mac.colons,
                file=problem.file,
                key=problem.key,
                value=shown(problem.value, 80),
                other=problem.other,
                mend=_mend(problem, mac),
                extension=device.extension if device and device.lines else "",
                evidence=[Evidence(_line(problem), facts.now)],
            )


def is_silent_since(facts: Facts, mac: Mac, _problem: LintProblem | None = None) -> bool:
    """Say whether a device took its files minutes ago and is not registered, or is to get them."""
    if facts.is_preview:
        return True
    seen = facts.sightings.get(mac)
    fetched = seen.last_provisioned if seen is not None else None
    is_late = fetched is not None and facts.now - fetched > _PATIENCE
    return is_late and not facts.device_registrations.get(mac)


def bad_facts(code: str, **values: str) -> Facts:
    """Make an example: the healthy phone with one mistake in its file."""
    values = {"key": "one.key", "value": "0", **values}
    problem = LintProblem(code=code, file=FILE, **values)  # type: ignore[arg-type]  # texts only
    return replace(HEALTHY, lint={MAC: (problem,)})


def _mend(problem: LintProblem, mac: Mac) -> str:
    """Say what to take back: a free setting of some level, or the site's template."""
    if problem.origin == TEMPLATE:
        return "Correct the site's own template in `provisioning.templates`"
    if problem.origin.startswith("device "):
        return f"Remove the free setting {problem.key} of device {mac.colons}"
    return f"Remove the free setting {problem.key} of {problem.origin}"


def _line(problem: LintProblem) -> str:
    where = "the template" if problem.origin == TEMPLATE else problem.origin
    value = f" = {shown(problem.value, 80)}" if problem.key else f": {shown(problem.value, 80)}"
    return f"file {problem.file}, from {where}: {problem.key}{value}".replace(": :", ":")


def has_generation(facts: Facts, mac: Mac, problem: LintProblem) -> bool:
    """Say whether the firmware last told is as new as the mistake needs; none is needed by some."""
    if not problem.since:
        return True
    seen, device = facts.sightings.get(mac), facts.devices[mac]
    profile = facts.profiles.get(device.vendor)
    if seen is None or profile is None:
        return False
    return profile.keys.generation(seen.firmware) >= problem.since


def in_preview(facts: Facts, _mac: Mac, _problem: LintProblem) -> bool:
    """Say whether all this is only what would be: afterwards it is what the site wants."""
    return facts.is_preview
