"""Subscriptions lost and regained, as events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import assert_never

from offhook.core.events import SubscriptionLost, SubscriptionRegained
from offhook.sip.lost_watches import Lost, Regained


def watch_event(item: Lost | Regained, now: datetime) -> SubscriptionLost | SubscriptionRegained:
    """Make the event of what was lost or came back."""
    match item:
        case Lost():
            return SubscriptionLost(
                watcher=item.watcher,
                target=item.target,
                host=item.host,
                reason=item.reason,
                refreshed_at=datetime.fromtimestamp(item.refreshed_at, UTC),
                at=now,
            )
        case Regained():
            return SubscriptionRegained(
                watcher=item.watcher, target=item.target, host=item.host, at=now
            )
        case _:
            assert_never(item)
