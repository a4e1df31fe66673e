"""What the embedded engine tells of calls: to its API, and to phones with busy lamps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

from offhook.actions.ports import Clock
from offhook.core.model import LiveCall
from offhook.engines.calling import Calling
from offhook.sip.bindings import BindingTable
from offhook.sip.calls import Calls, Dialog
from offhook.sip.flow import Outbound, flow_of
from offhook.sip.message import Response
from offhook.sip.subscriptions import Subscriptions


class Watching:
    """Keeps the list of calls true, and those who watch it told. `wire` carries the NOTIFYs."""

    def __init__(
        self,
        *,
        calls: Calls,
        table: BindingTable,
        subscriptions: Subscriptions,
        wire: Calling,
        now: Clock,
    ) -> None:
        self._calls = calls
        self._table = table
        self._subscriptions = subscriptions
        self._wire = wire
        self._now = now

    def __len__(self) -> int:
        return len(self._subscriptions)

    def calls(self) -> tuple[LiveCall, ...]:
        """Give the calls of this moment."""
        return tuple(_live(item) for item in self._calls.dialogs(self._now().timestamp()))

    def carry(self, sends: Iterable[Outbound]) -> None:
        """Send NOTIFYs."""
        self._wire.carry(sends)

    def tell(self) -> None:
        """Tell who watches what has changed. Call when calls may have."""
        changed = self._calls.take_changed()
        if changed:
            self.carry(self._subscriptions.on_calls(changed, self._now().timestamp()))

    def on_response(self, response: Response) -> bool:
        """Take a response from the wire; False when it is for somebody else."""
        return self._wire.on_response(response)

    def on_lost(self, source: str) -> None:
        """Fail what waits on a connection that has closed."""
        self._wire.on_lost(source)

    def on_removed(self, extension: str) -> None:
        """Take that an extension was removed."""
        now = self._now().timestamp()
        self.carry(self._subscriptions.on_removed(extension, now))

    def sweep(self) -> None:
        """End calls nobody hangs up and subscriptions nobody refreshed. Call every second."""
        now = self._now().timestamp()
        self._calls.sweep(now, partial(self._is_there, now))
        self.carry(self._subscriptions.expire(now))
        self.tell()

    def stop(self) -> None:
        """Cancel what is under way; idempotent."""
        self._wire.stop()

    def _is_there(self, now: float, extension: str, host: str, since: float) -> bool:
        return any(
            binding.expires_at > now
            and (binding.registered_at >= since or flow_of(binding.source, "").host == host)
            for binding in self._table.of(extension)
        )


def _live(dialog: Dialog) -> LiveCall:
    places = [str(side.flow) for side in dialog.sides]
    return LiveCall(
        caller=dialog.call.caller,
        callee=dialog.call.callee,
        state=dialog.call.state.value,
        since=datetime.fromtimestamp(dialog.call.since, UTC),
        caller_at=places[0],
        callee_at=places[1] if len(places) > 1 else "",
    )
