"""`offhook explain`: the manual page of a fault, without a running PBX."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.screen import Screen
from offhook.diagnosis.pages import page_parts
from offhook.diagnosis.rule import Rule
from offhook.diagnosis.rules import rules

group = typer.Typer()


@group.command("explain")
def explain(
    code: Annotated[str, typer.Argument(help="fault code such as P301; none lists all")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON for programs")] = False,
) -> None:
    """Say what a fault code means, why it happens and what to do."""
    screen = Screen(as_json=as_json)
    if not code:
        _list(screen)
        return
    rule = rules().get(code.strip().upper())
    if rule is None:
        screen.error(f"there is no fault {code!r}", "offhook explain lists all codes")
        raise typer.Exit(1)
    _show(screen, rule)


def _list(screen: Screen) -> None:
    faults = [rule.fault for _, rule in sorted(rules().items())]
    if screen.gave_data(
        {"faults": [{"code": item.code, "name": item.name, "title": item.title} for item in faults]}
    ):
        return
    rows = [(item.code, item.severity.value, item.title) for item in faults]
    screen.table(("Code", "Severity", "Fault"), rows)


def _show(screen: Screen, rule: Rule) -> None:
    fault = rule.fault
    summary, parts = page_parts(rule.page)
    record = {
        "code": fault.code,
        "name": fault.name,
        "title": fault.title,
        "severity": fault.severity.value,
        "stage": fault.stage.value,
        "summary": summary,
        **{name.lower().replace(" ", "_"): text for name, text in parts.items()},
        "page": f"docs/faults/{fault.code}.md",
    }
    if screen.gave_data(record):
        return
    screen.say(f"{fault.code} {fault.title}", "bold")
    screen.say(f"{fault.severity.value}, stage {fault.stage.value}", "dim")
    screen.say(f"\n{summary}")
    for name, text in parts.items():
        screen.say(f"\n{name}", "bold")
        screen.say(text)
