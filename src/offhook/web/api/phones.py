"""Phones that are registered by SIP now, and telling them to reboot."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from offhook.actions.busy import WAITS_FOR_CALL
from offhook.core.mac import Mac
from offhook.core.model import Reboot, RebootStep, Registration
from offhook.web.api.answers import in_turns, long_answer
from offhook.web.api.context import Actor, Api
from offhook.web.api.fields import Fields, Page
from offhook.web.api.reboots import RebootRecord, reboot_records
from offhook.web.ports import Services

router = APIRouter(tags=["phones"])

_UNSENT = frozenset({RebootStep.PENDING})
_FAILED = frozenset(
    {RebootStep.FAILED, RebootStep.REFUSED, RebootStep.CHALLENGED, RebootStep.UNANSWERED}
)


class PhoneRecord(BaseModel):
    """A live SIP registration; `device` is the MAC of the device it belongs to, if we know it."""

    extension: str
    contact: str
    source: str = Field(description="where it registers from, such as udp:192.0.2.5:5060")
    user_agent: str
    mac: str | None = Field(description="as the phone told it in SIP")
    device: str | None
    registered_at: datetime
    expires_at: datetime


class PhoneList(BaseModel):
    """One page of registrations, by extension."""

    total: int
    limit: int
    offset: int
    phones: list[PhoneRecord]


class FailedReboot(BaseModel):
    """A phone that could not be told, or would not obey."""

    extension: str
    error: str


class RebootNow(Fields):
    """How to reboot one extension's phones."""

    force: bool = Field(False, description="also in the middle of a call, which is cut off")


class RebootAnswer(BaseModel):
    """What became of the order so far; follow each reboot with GET /api/reboots/{id}."""

    success: bool
    message: str
    rebooted: list[str] = Field(description="extensions whose phones were sent a NOTIFY")
    failed: list[FailedReboot]
    success_count: int
    failed_count: int
    queued_count: int = Field(description="phones whose turn is still to come")
    reboots: list[RebootRecord]


@router.get("/api/phones", response_model=PhoneList)
async def list_phones(services: Api, page: Annotated[Page, Query()]) -> Response:
    """List live SIP registrations."""
    found = sorted(
        services.engine.registrations(),
        key=lambda item: (len(item.extension), item.extension, item.contact),
    )
    shown = found[page.offset : page.offset + page.limit]
    owners = await _owners(services, {item.extension for item in shown})
    return await long_answer(
        PhoneList(
            total=len(found),
            limit=page.limit,
            offset=page.offset,
            phones=[_record(services, item, owners) for item in shown],
        )
    )


@router.post("/api/phones/reboot", response_model=RebootAnswer)
async def reboot_all(services: Api, actor: Actor) -> Response:
    """Tell every registered phone to reboot, paced; answers after two seconds at most.

    A phone in a call is told when it has hung up.
    """
    numbers = {item.extension for item in services.engine.registrations()}
    return await _told(await services.manual_reboots.reboot_all(actor, numbers))


@router.post("/api/phones/{extension}/reboot", response_model=RebootAnswer)
async def reboot_extension(
    services: Api, actor: Actor, extension: str, query: Annotated[RebootNow, Query()]
) -> Response:
    """Tell an extension's phones to reboot. 404 when unknown, 409 when none is registered.

    A phone in a call is told when it has hung up.
    """
    reboots = services.manual_reboots
    return await _told(await reboots.reboot_extension(actor, extension, is_forced=query.force))


async def _told(reboots: list[Reboot]) -> Response:
    failed = [item for item in reboots if item.step in _FAILED]
    queued = [item for item in reboots if item.step in _UNSENT]
    talking = sum(item.detail == WAITS_FOR_CALL for item in queued)
    sent = [item for item in reboots if item.step not in _FAILED | _UNSENT]
    return await long_answer(
        RebootAnswer(
            success=bool(reboots) and not failed,
            message=_message(len(sent), len(failed), len(queued) - talking, talking),
            rebooted=list(dict.fromkeys(item.extension for item in sent)),
            failed=[FailedReboot(extension=item.extension, error=_error(item)) for item in failed],
            success_count=len(sent),
            failed_count=len(failed),
            queued_count=len(queued),
            reboots=reboot_records(reboots),
        )
    )


def _message(sent: int, failed: int, queued: int, talking: int) -> str:
    if not sent + failed + queued + talking:
        return "No phone is registered; nothing was sent"
    parts = [f"Reboot sent to {sent} phone" + ("" if sent == 1 else "s")]
    if failed:
        parts.append(f"{failed} failed")
    if queued:
        parts.append(f"{queued} will be told when their turn comes")
    if talking:
        parts.append(f"{talking} will be told when their calls have ended")
    return ", ".join(parts)


def _error(reboot: Reboot) -> str:
    code = f"{reboot.sip_code} {reboot.sip_reason}" if reboot.sip_code else reboot.detail
    return f"{reboot.fault} {reboot.step.value}: {code}".strip(": ")


async def _owners(services: Services, numbers: Iterable[str]) -> dict[tuple[str, str], Mac]:
    """Device of each registration, by extension and contact."""
    targets = await in_turns(list(numbers), services.reboots.targets_of_extension)
    return {
        (target.registration.extension, target.registration.contact): target.device.mac
        for group in targets
        for target in group
        if target.device is not None
    }


def _record(
    services: Services, registration: Registration, owners: dict[tuple[str, str], Mac]
) -> PhoneRecord:
    owner = owners.get((registration.extension, registration.contact))
    if owner is None and registration.mac in services.state.devices:
        owner = registration.mac
    return PhoneRecord(
        extension=registration.extension,
        contact=registration.contact,
        source=registration.source,
        user_agent=registration.user_agent,
        mac=registration.mac.plain if registration.mac else None,
        device=owner.plain if owner else None,
        registered_at=registration.registered_at,
        expires_at=registration.expires_at,
    )
