"""The calls that the Kamailio nodes know of, from their lists of dialogs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from offhook.actions.ports import Clock
from offhook.core.model import LiveCall
from offhook.engines.kamailio_rpc import RpcAnswer, RpcClient

_ANSWER_S = 5.0
# Values of the module dialog: 1 unconfirmed, 2 early, 3 confirmed without ACK, 4 confirmed, 5 over.
_STATES = {1: "ringing", 2: "ringing", 3: "talking", 4: "talking"}


class CallBook:
    """Asks every second look, and at the next one when an event said that a call changed."""

    def __init__(self, now: Clock) -> None:
        self.is_stale = True
        self._now = now
        self._is_skipped = False
        self._calls: tuple[LiveCall, ...] = ()

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls of the last look."""
        return self._calls

    async def refresh(self, nodes: Sequence[RpcClient]) -> None:
        """Look, if it is time to; nodes that do not answer have no calls."""
        self._is_skipped = not self._is_skipped and not self.is_stale
        if self._is_skipped:
            return
        self.is_stale = False
        now = self._now()
        found: list[LiveCall] = []
        for node in nodes:
            try:
                answer = await node.call("dlg.list", timeout_s=_ANSWER_S)
                found += parse_calls(answer, now)
            except (OSError, ValueError):
                continue
        self._calls = tuple(found)


def parse_calls(answer: RpcAnswer, now: datetime) -> list[LiveCall]:
    """Read an answer of `dlg.list`. Raises ValueError when it is none."""
    listed = answer.result
    if not isinstance(listed, list):
        raise ValueError("dlg.list gave no list")  # noqa: TRY004 - what came is wrong, not a call
    found = [_call(item, now) for item in listed if isinstance(item, Mapping)]
    return [call for call in found if call is not None]


def _call(dialog: Mapping[str, object], now: datetime) -> LiveCall | None:
    state = _STATES.get(_number(dialog, "state"))
    names = _variables(dialog.get("variables"))
    if state is None or "caller" not in names or "callee" not in names:
        return None
    since = _number(dialog, "start_ts") or _number(dialog, "init_ts")
    return LiveCall(
        caller=names["caller"],
        callee=names["callee"],
        state=state,
        since=min(datetime.fromtimestamp(since, UTC), now) if since > 0 else now,
    )


def _variables(listed: object) -> dict[str, str]:
    """Give a dialog's variables: Kamailio lists each as an object of its own."""
    items: Iterable[object] = listed if isinstance(listed, list) else (listed,)
    return {
        str(name): str(value)
        for item in items
        if isinstance(item, Mapping)
        for name, value in item.items()
    }


def _number(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else 0
