"""`offhook vendor`: what can be registered."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.client import Session, api_command

group = typer.Typer(help="Vendors and models that can be registered.", no_args_is_help=True)


@api_command(group, "list")
def list_vendors(
    session: Session,
    vendor: Annotated[str, typer.Argument(help="only this vendor")] = "",
) -> int:
    """List vendors and models, their SIP accounts, and how far each was tried."""
    found = session.call("GET", "/api/provisioning/vendors")
    if session.screen.gave_data(found):
        return 0
    if vendor and vendor.lower() not in found["details"]:
        known = ", ".join(found["vendors"])
        session.screen.error(f"vendor {vendor!r} is not known", f"known are {known}")
        return 1
    rows = [
        (name, model["name"], model["label"], model["lines"], model["support"])
        for name, details in found["details"].items()
        if not vendor or name == vendor.lower()
        for model in details["models"]
    ]
    session.screen.table(("Vendor", "Model", "Printed on it", "Lines", "Support"), rows)
    return 0
