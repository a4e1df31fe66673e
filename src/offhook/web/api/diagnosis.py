"""The verdict on one phone: how far it got, what fits best, the proof, and the mend."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from offhook.diagnosis.finding import Finding
from offhook.diagnosis.verdict import Verdict
from offhook.web.api.context import Api

router = APIRouter(tags=["diagnostics"])


class EvidenceRecord(BaseModel):
    """One line of proof."""

    at: datetime | None = Field(description="when it happened; null for what has no moment")
    what: str


class NamedFault(BaseModel):
    """One fault that fits, its evidence, and the steps that mend it."""

    code: str
    name: str = Field(description="the fault's name in the field")
    severity: str
    stage: str
    subject: str
    message: str
    hint: str = Field(description="the first step, in one line")
    steps: list[str]
    evidence: list[EvidenceRecord]


class Diagnosis(BaseModel):
    """What is known of one phone; `findings` are empty when it is right."""

    subject: str
    stage: str = Field(description="the last stage with proof; registered when all is well")
    missing: str | None = Field(description="the first stage without proof")
    summary: str
    findings: list[NamedFault] = Field(description="best fit first, then the runner-up")


@router.get("/api/diagnosis/{subject}", response_model=Diagnosis)
async def get_diagnosis(services: Api, subject: str) -> Diagnosis:
    """Judge a phone by its MAC in any spelling, an extension, or an IP address."""
    return diagnosis_record(await services.verdicts.of(subject))


def diagnosis_record(verdict: Verdict) -> Diagnosis:
    """Word a verdict for programs."""
    return Diagnosis(
        subject=verdict.subject,
        stage=verdict.stage.value,
        missing=verdict.missing.value if verdict.missing else None,
        summary=verdict.summary,
        findings=[named_fault(item) for item in verdict.findings],
    )


def named_fault(finding: Finding) -> NamedFault:
    """Word a finding for programs."""
    return NamedFault(
        code=finding.code,
        name=finding.name,
        severity=finding.severity.value,
        stage=finding.stage.value,
        subject=finding.subject,
        message=finding.message,
        hint=finding.hint,
        steps=list(finding.steps),
        evidence=[EvidenceRecord(at=line.at, what=line.what) for line in finding.evidence],
    )
