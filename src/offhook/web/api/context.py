"""What every resource needs of a call: the services, and who is calling."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request

from offhook.web.ports import Services

ACTOR = "offhook.actor"
"""Key of the ASGI scope: who calls, as changes note it."""

REQUEST_ID = "offhook.request_id"
"""Key of the ASGI scope: the name under which the log tells of this call."""


async def _services_of(request: Request) -> Services:
    return cast(Services, request.app.state.services)


async def _actor_of(request: Request) -> str:
    return cast(str, request.scope[ACTOR])


Api = Annotated[Services, Depends(_services_of)]
Actor = Annotated[str, Depends(_actor_of)]
