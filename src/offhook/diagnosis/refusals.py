"""From a refusal to its finding: the fault's text with the values of this request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from offhook.core.mac import Mac
from offhook.core.model import Device
from offhook.core.provision import Refuse
from offhook.core.render import RenderError
from offhook.core.vendor import VendorProfile
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import fault
from offhook.diagnosis.rules.p201_macro_not_expanded import steps_for


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalFacts:
    """What is known beside the request when it is refused.

    `vendor` is the maker's name (empty when unknown), `model` its model as far as known;
    `registered` a few registered MACs of `registered_count`; `similar` the nearest of the block.
    """

    address: str
    base: str
    profiles: Mapping[str, VendorProfile]
    vendor: str = ""
    model: str = ""
    registered: Sequence[str] = ()
    registered_count: int = 0
    similar: Sequence[Mac] = field(default_factory=tuple)


def render_values(error: RenderError, device: Device | None) -> dict[str, object]:
    """Give the values of a fault that kept a file from being made; `device` when we know whose."""
    values: dict[str, object] = {"problem": str(error)}
    if device is not None:
        missing = str(error).removeprefix("extension ").partition(" ")[0]
        values |= {"mac": device.mac.colons, "extension": missing}
    return values


def describe(refusal: Refuse, facts: RefusalFacts) -> Finding:
    """Give the refusal its words; every code that a decision can carry is handled."""
    values: dict[str, Any] = dict(refusal.values)  # the names in the fault's texts
    match refusal.code:
        case "P201":
            steps = steps_for(facts.profiles.get(facts.vendor), facts.base, facts.profiles)
            return fault("P201").finding(facts.address, more_steps=steps, **values)
        case "P301":
            mac = values["mac"]
            if not isinstance(mac, Mac):
                raise TypeError("P301 needs a Mac")
            return _unknown(mac, facts)
        case _:
            return fault(refusal.code).finding(facts.address, **values)


def _unknown(mac: Mac, facts: RefusalFacts) -> Finding:
    shown = str(list(facts.registered))
    if facts.registered_count > len(facts.registered):
        shown += f" and {facts.registered_count - len(facts.registered)} more"
    similar = [item.plain for item in facts.similar]
    steps = []
    if similar:
        typo = "This might be a typo in the MAC address"
        steps.append(f"Similar MACs found (same vendor): {similar}\n{typo}")
    if facts.vendor:
        steps.append(_guess(mac, facts))
    return fault("P301").finding(
        mac.colons,
        evidence=(f"Normalized MAC: {mac.plain}", f"Registered devices: {shown}"),
        more_steps=steps,
        mac_colons=mac.colons,
        vendor="VENDOR",
        model="MODEL",
    )


def _guess(mac: Mac, facts: RefusalFacts) -> str:
    """What to send, filled in as far as User-Agent and address block tell."""
    profile = facts.profiles.get(facts.vendor)
    known = profile.model(facts.model) if profile and facts.model else None
    model = known.name if known else "MODEL"
    body = (
        f'{{"mac_address":"{mac.colons}","extension_number":"XXXX",'
        f'"vendor":"{facts.vendor}","model":"{model}"}}'
    )
    seems = f"vendor={facts.vendor}" + (f", model={model}" if known else "")
    return f"The phone itself seems to be: {seems}\nso send: {body}"
