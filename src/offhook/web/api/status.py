"""Whether it runs, and the few numbers that tell how it goes."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from offhook.web.api.answers import answer
from offhook.web.api.context import Api

router = APIRouter(tags=["status"])


class SipPart(BaseModel):
    """Something outside the server that the SIP engine needs: a Kamailio node, its database."""

    name: str
    up: bool
    problem: str


class SipStatus(BaseModel):
    """The SIP side: sockets such as `udp:0.0.0.0:5060`, and what it counted."""

    up: bool
    engine: str
    listening: list[str]
    parts: list[SipPart]
    counters: dict[str, int]


class ProvisioningStatus(BaseModel):
    """Whether phones are answered, and the folder their files are below."""

    enabled: bool
    url: str


class ThisNode(BaseModel):
    """The process that answers; alone on its database it leads always."""

    name: str
    leading: bool = Field(description="sends orders to phones and runs scheduled synchronisations")
    database: str = Field(description="why the database cannot be asked now; empty when it can")


class NodeStatus(BaseModel):
    """A node on the same database, this one among them."""

    name: str
    version: str
    alive: bool
    leading: bool
    started_at: datetime
    seen_at: datetime = Field(description="when it last said that it lives")


class Status(BaseModel):
    """The state of the PBX; `registered` counts SIP registrations, `calls` those of now."""

    running: bool
    version: str
    uptime_s: int
    devices: int
    extensions: int
    registered: int
    calls: int
    unknown_phones: int
    sip: SipStatus
    provisioning: ProvisioningStatus
    node: ThisNode
    nodes: list[NodeStatus] = Field(description="empty where no other node can be")


@router.get("/api/status", response_model=Status)
async def get_status(services: Api) -> Response:
    """Tell that it runs, and how much it holds."""
    health = services.engine.health()
    state = services.state
    return answer(
        Status(
            running=True,
            version=services.version,
            uptime_s=int((services.now() - services.started_at).total_seconds()),
            devices=len(state.devices),
            extensions=len(state.extensions),
            registered=len(services.engine.registrations()),
            calls=len(services.engine.calls()),
            unknown_phones=len(state.unknown),
            sip=SipStatus(
                up=health.is_up,
                engine=services.settings.sip.engine,
                parts=[
                    SipPart(name=part.name, up=part.is_up, problem=part.problem)
                    for part in health.parts
                ],
                listening=list(health.listening),
                counters=dict(health.counters),
            ),
            provisioning=ProvisioningStatus(
                enabled=services.config.is_provisioning_enabled, url=services.config.base
            ),
            node=ThisNode(
                name=services.nodes.name,
                leading=services.lead.is_held,
                database=services.nodes.problem,
            ),
            nodes=[
                NodeStatus(
                    name=node.name,
                    version=node.version,
                    alive=node.is_alive,
                    leading=node.is_leading,
                    started_at=node.started_at,
                    seen_at=node.seen_at,
                )
                for node in services.nodes.known
            ],
        )
    )
