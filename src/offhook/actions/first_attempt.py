"""The record of a request as it begins: who asked for what; its outcome is filled in later."""

from __future__ import annotations

from offhook.core.identify import Identity
from offhook.core.model import Attempt, Device, Extension, OutcomeKind, PhoneRequest


def first_attempt(
    request: PhoneRequest,
    identity: Identity,
    device: Device | None,
    extension: Extension | None,
) -> Attempt:
    """Give the Attempt of a request; what the phone wrote is cut to a bounded length."""
    return Attempt(
        request_id=request.request_id,
        at=request.at,
        transport=request.transport,
        method=request.method,
        path=request.path[:512],
        address=request.address,
        user_agent=request.user_agent[:256],
        mac_text=identity.mac_text[:64]
        or (identity.placeholder if identity.is_placeholder_file else ""),
        mac=identity.mac,
        file=identity.file[:128],
        kind=OutcomeKind.REFUSED,
        status=500,
        vendor=device.vendor if device else "",
        model=device.model if device else "",
        firmware=identity.firmware[:64],
        extension=device.extension if device else "",
        extension_name=extension.name if extension else "",
        is_test=request.is_test,
    )
