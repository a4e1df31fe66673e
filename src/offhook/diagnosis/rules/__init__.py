"""One fault a file; this register finds them, nobody lists them.

A rule module has: a docstring (the manual page: what you see, why, what to do), `FAULT`, a
generator `check(facts)`, and the examples `BAD` (at least one finding of this code) and `GOOD`
(none).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from inspect import cleandoc
from types import MappingProxyType

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage, worst_first
from offhook.diagnosis.rule import Fault, Rule


@cache
def rules() -> Mapping[str, Rule]:
    """All rules by code."""
    found: dict[str, Rule] = {}
    for item in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        module = import_module(f"{__name__}.{item.name}")
        rule = Rule(
            fault=module.FAULT,
            check=module.check,
            page=cleandoc(module.__doc__ or ""),
            bad=module.BAD,
            good=module.GOOD,
        )
        if rule.fault.code in found:
            raise ValueError(f"two rules have the code {rule.fault.code}")
        found[rule.fault.code] = rule
    return MappingProxyType(found)


def fault(code: str) -> Fault:
    """The fault of a code. Raises KeyError for an unknown one."""
    return rules()[code].fault


def find_all(facts: Facts) -> list[Finding]:
    """Run every rule, worst finding first; a rule that fails costs its own findings only."""
    return _find(facts, rules().values())


def find_of_devices(facts: Facts) -> list[Finding]:
    """Run the rules that look at one device at a time: the facts may be those of a few devices."""
    return _find(facts, (rule for rule in rules().values() if rule.fault.is_of_device))


def find_of_fleet(facts: Facts) -> list[Finding]:
    """Run the rules that look at everything at once: settings, strangers, the directory."""
    return _find(facts, (rule for rule in rules().values() if not rule.fault.is_of_device))


def find_of_both(own: Facts, everything: Facts) -> list[Finding]:
    """Run every rule on the facts it looks at: those of some devices, or those of the fleet."""
    return worst_first(find_of_devices(own) + find_of_fleet(everything))


def find_in_files(facts: Facts) -> list[Finding]:
    """Run the rules that look at files as they are made, or would be."""
    return _find(facts, (it for it in rules().values() if it.fault.stage is Stage.RENDERED))


def _find(facts: Facts, chosen: Iterable[Rule]) -> list[Finding]:
    return worst_first([finding for rule in chosen for finding in _run(rule, facts)])


def _run(rule: Rule, facts: Facts) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(rule.check(facts))
    except Exception as error:  # whatever is wrong with one rule, the others must be heard
        fault = rule.fault
        found.append(
            Finding(
                code=fault.code,
                name=fault.name,
                severity=Severity.INFO,
                stage=Stage.SETUP,
                subject=fault.code,
                message=f"the check for {fault.code} failed: {type(error).__name__}",
                steps=("Report this as a mistake of Offhook",),
            )
        )
    return found
