"""The stream that open pages listen to."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from offhook.web.ui.live import Live
from offhook.web.ui.page import show


async def stream(request: Request) -> Response:
    """Server-sent events: which parts of the pages something happened to."""
    live: Live = request.app.state.live
    told = (request.query_params.get("seen", ""), request.headers.get("last-event-id", ""))
    numbers = [int(it) for it in told if it.isascii() and it.isdigit() and len(it) < 20]
    # Whoever tells nothing begins with the present.
    seen = max(numbers, default=live.number)
    return StreamingResponse(live.stream(seen), media_type="text/event-stream")


ROUTES = [show("/live", stream)]
