"""Vendors and models that can be registered."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from offhook.core.vendor import VendorProfile
from offhook.web.api.answers import long_answer
from offhook.web.api.context import Api
from offhook.web.ports import Services

router = APIRouter(tags=["vendors"])


class ModelRecord(BaseModel):
    """A model: `name` is what the API takes, `label` what is printed on the phone."""

    name: str
    label: str
    lines: int = Field(description="SIP accounts")
    line_keys: int
    support: str = Field(description="tried on hardware, or rendered from documentation")


class VendorRecord(BaseModel):
    """A maker, its MAC variable, and its models."""

    label: str
    placeholder: str = Field(description="the MAC variable in its URLs; empty when it has none")
    models: list[ModelRecord]


class VendorList(BaseModel):
    """Every maker and model."""

    vendors: list[str]
    models: dict[str, list[str]]
    details: dict[str, VendorRecord]


@router.get("/api/provisioning/vendors", response_model=VendorList)
async def list_vendors(services: Api) -> Response:
    """List vendors, their models, and how far each was tried."""
    profiles = services.state.source.profiles
    return await long_answer(
        VendorList(
            vendors=sorted(profiles),
            models=model_names(services),
            details={name: _record(profiles[name]) for name in sorted(profiles)},
        )
    )


def model_names(services: Services) -> dict[str, list[str]]:
    """Give each vendor's model names."""
    profiles = services.state.source.profiles
    return {name: [model.name for model in profiles[name].models] for name in sorted(profiles)}


def _record(profile: VendorProfile) -> VendorRecord:
    models = [
        ModelRecord(
            name=model.name,
            label=model.label,
            lines=model.lines,
            line_keys=model.line_keys,
            support=model.support,
        )
        for model in profile.models
    ]
    return VendorRecord(label=profile.label, placeholder=profile.placeholder, models=models)
