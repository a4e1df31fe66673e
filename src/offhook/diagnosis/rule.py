"""What a rule is: a fault's code and texts, and the check that finds it in facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Evidence, Finding, Severity, Stage

Check = Callable[[Facts], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The one text of a fault. `message` and `steps` take `{names}` filled by `finding()`.

    Codes: P1 configuration, P2 request, P3 inventory, P4 SIP, P5 directory, P6 reboot, P7 vendor
    and template, P8 transport and access, P9 network. Never renamed, never used again.

    `name` is the fault's name in the field where it has one. `is_general` marks a fault that only
    says how far a phone got: a fault that says why is told before it. `is_of_device` marks a check
    that looks at each device by itself, with nothing but what the facts hold of that device.
    `explains` are the codes of faults that follow from this one: it is told before them.
    """

    code: str
    name: str
    title: str
    severity: Severity
    stage: Stage
    message: str
    steps: tuple[str, ...]
    is_general: bool = False
    is_of_device: bool = False
    explains: tuple[str, ...] = ()

    def finding(
        self,
        subject: str,
        *,
        evidence: Sequence[str] = (),
        more_steps: Sequence[str] = (),
        also_about: Sequence[str] = (),
        **values: object,
    ) -> Finding:
        """Fill the texts. Values are data: braces in them stay as they are."""
        return Finding(
            code=self.code,
            name=self.name,
            severity=self.severity,
            stage=self.stage,
            subject=subject,
            message=self.message.format(**values),
            evidence=tuple(
                line if isinstance(line, Evidence) else Evidence(line) for line in evidence
            ),
            steps=(*(step.format(**values) for step in self.steps), *more_steps),
            is_general=self.is_general,
            explains=self.explains,
            also_about=tuple(also_about),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One file of `rules/`: its fault, its check, its manual page and its examples."""

    fault: Fault
    check: Check
    page: str
    bad: Facts
    good: Facts
