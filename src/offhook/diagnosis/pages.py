"""A fault's manual page, made from its rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from textwrap import fill

from offhook.diagnosis.finding import Finding, Stage
from offhook.diagnosis.rule import Fault, Rule

PARTS = ("What you see", "Why", "What to do")
_SECTIONS = {
    "1": "configuration",
    "2": "request",
    "3": "inventory",
    "4": "SIP",
    "5": "directory",
    "6": "reboot",
    "7": "vendor and template",
    "8": "transport and access",
    "9": "network and discovery",
}


_SYMPTOMS = {
    Stage.SETUP: "The server complains, or no phone works",
    Stage.SEEN: "The phone never asks this server",
    Stage.CONNECTED: "The phone cannot connect",
    Stage.AUTHENTICATED: "The phone connects and is turned away",
    Stage.IDENTIFIED: "The phone asks, and nobody knows who it is",
    Stage.RENDERED: "The phone asks, and its file is wrong or cannot be made",
    Stage.DELIVERED: "The phone has an old file, or not all of them",
    Stage.APPLIED: "The phone has its file and does otherwise",
    Stage.REGISTERED: "The phone has its file and does not register",
    Stage.REACHABLE: "The phone is registered, and calls or orders do not reach it",
}


def page_parts(page: str) -> tuple[str, dict[str, str]]:
    """Split a rule's docstring into its first line and its three parts.

    Raises ValueError when a part is missing, doubled or out of order.
    """
    first, *pieces = re.split(rf"^({'|'.join(PARTS)}): ", page, flags=re.MULTILINE)
    names, texts = pieces[::2], pieces[1::2]
    if tuple(names) != PARTS or not all(text.strip() for text in (first, *texts)):
        raise ValueError(f"a page needs the parts {', '.join(PARTS)}, found {', '.join(names)}")
    return first.strip(), {
        name: _wrapped(text[0].upper() + text[1:]) for name, text in zip(names, texts, strict=True)
    }


def render_page(rule: Rule) -> str:
    """Make the Markdown page of a fault: its parts, its texts, and its bad example as printed."""
    fault = rule.fault
    summary, parts = page_parts(rule.page)
    example = next(iter(rule.check(rule.bad)))
    lines = [f"# {fault.code} {fault.name}: {fault.title}", "", summary, ""]
    lines += [f"Severity: {fault.severity.value}. Stage: {fault.stage.value}.", ""]
    for name, text in parts.items():
        lines += [f"## {name}", "", text, ""]
    lines += ["## Message", "", *_fenced(_general(fault).splitlines())]
    lines += ["## Example", "", f"Of {example.subject}:", "", *_fenced(_printed(example))]
    lines += ["[All faults](README.md)", ""]
    return "\n".join(lines)


def render_index(rules: Mapping[str, Rule]) -> str:
    """Make the Markdown index of all faults, by section."""
    lines = ["# Faults", "", "Made from the rules by `scripts/make_docs.py`.", ""]
    lines += ["Do you know only what you see? [Faults by symptom](by-symptom.md)."]
    section = ""
    for code, rule in sorted(rules.items()):
        fault = rule.fault
        if code[1] != section:
            section = code[1]
            lines += ["", f"## P{section}: {_SECTIONS[section]}", ""]
            lines += ["| Code | Name | What it says | Severity |", "|---|---|---|---|"]
        row = f"| [{code}]({code}.md) | {fault.name} | {fault.title} | {fault.severity.value} |"
        lines.append(row)
    return "\n".join([*lines, ""])


def render_symptoms(rules: Mapping[str, Rule]) -> str:
    """Make the Markdown index by what a person sees, in the order in which phones get somewhere."""
    lines = ["# Faults by symptom", "", "Made from the rules by `scripts/make_docs.py`."]
    for stage, heading in _SYMPTOMS.items():
        found = [rule for _, rule in sorted(rules.items()) if rule.fault.stage is stage]
        if not found:
            continue
        lines += ["", f"## {heading}", "", "| What you see | Fault |", "|---|---|"]
        for rule in found:
            _, parts = page_parts(rule.page)
            seen = " ".join(parts[PARTS[0]].split()).replace("|", "\\|")
            lines.append(
                f"| {seen} | [{rule.fault.code}]({rule.fault.code}.md) {rule.fault.name} |"
            )
    return "\n".join([*lines, "", "[All faults by code](README.md)", ""])


def fault_pages(rules: Mapping[str, Rule]) -> dict[str, str]:
    """Give every file of `docs/faults` by its name."""
    pages = {f"{code}.md": render_page(rule) for code, rule in rules.items()}
    return {"README.md": render_index(rules), "by-symptom.md": render_symptoms(rules), **pages}


def _general(fault: Fault) -> str:
    """The texts with `<name>` in place of each value."""
    fields = {
        field
        for text in (fault.message, *fault.steps)
        for _, field, _, _ in Formatter().parse(text)
        if field
    }
    finding = fault.finding("", **{field: f"<{field}>" for field in fields})
    return "\n".join(_printed(finding))


def _wrapped(text: str) -> str:
    return "\n\n".join(
        fill(paragraph, 100, break_long_words=False, break_on_hyphens=False)
        for paragraph in text.strip().split("\n\n")
    )


def _printed(finding: Finding) -> list[str]:
    return [f"{finding.code} {finding.message}", *finding.lines()]


def _fenced(lines: list[str]) -> list[str]:
    return ["```text", *lines, "```", ""]
