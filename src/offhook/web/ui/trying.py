"""Try as a phone: fetch and read its files the way its maker's phones do, and go no further.

It does not register: a second registration of the extension would take calls from the phone itself.
Each request says that it is a test, so that it never counts as a fetch of the phone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from offhook.core.inventory import profile_of
from offhook.core.model import Device
from offhook.core.render import RenderError
from offhook.errors import BadRequestError
from offhook.simulator.phone_files import Account
from offhook.simulator.virtual_phone import Asked, VirtualPhone
from offhook.web.ports import Services

TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What the simulated phone did. `account` is what it would register, without the secret's text.

    `asked` are its requests in order, `values` how many settings it took over.
    """

    user_agent: str
    url: str
    asked: Sequence[Asked]
    account: Account | None
    values: int
    is_ours: bool


async def try_as(services: Services, device: Device) -> Tried:
    """Boot a simulated phone of the device's maker and model as far as its files."""
    try:
        profile, model = profile_of(services.state.source, device)
    except RenderError as error:
        raise BadRequestError(
            error.code, str(error), "change maker or model under Lines and keys"
        ) from None
    server = services.state.source.server
    phone = VirtualPhone(
        profile=profile,
        model=model,
        mac=device.mac,
        base_url=f"http://{_own_host(services)}:{server.http_port}/provision/",
        timeout_s=TIMEOUT_S,
        is_test=True,
        is_allowed=lambda _address: False,
    )
    await phone.fetch_files()
    account = phone.account
    return Tried(
        user_agent=phone.user_agent,
        url=phone.base_url,
        asked=tuple(phone.requests),
        account=account,
        values=len(phone.config),
        is_ours=account is not None
        and account.number in {line.extension for line in device.lines}
        and account.server == server.address,
    )


def _own_host(services: Services) -> str:
    """Where this server hears on this machine: the address it is bound to, else the loopback."""
    bind = services.settings.server.bind
    try:
        is_any = ipaddress.ip_address(bind).is_unspecified
    except ValueError:
        is_any = False
    if is_any:
        return "127.0.0.1"
    return f"[{bind}]" if ":" in bind else bind
