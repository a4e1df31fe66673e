"""Bindings kept over a restart: what changed is saved once a second, all of it at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from offhook.actions.ports import RegistrationStore
from offhook.sip.bindings import BindingTable

RESTORED_AT_ONCE = 1000
"""Bindings taken up before other work gets its turn."""

_log = logging.getLogger("offhook.sip")


class Keeping:
    """Saves the extensions marked dirty; a save that failed is tried again with the next."""

    def __init__(self, store: RegistrationStore, table: BindingTable) -> None:
        self._store = store
        self._table = table
        self._dirty: set[str] = set()
        self._saving = asyncio.Lock()

    def mark(self, extensions: Iterable[str]) -> None:
        """Remember that bindings of these extensions changed."""
        self._dirty.update(extensions)

    async def restore(self, now: float, is_known: Callable[[str], bool]) -> int:
        """Take up what was saved and has not expired; extensions deleted since are cleaned out."""
        saved = await self._store.load_bindings()
        for begin in range(0, len(saved), RESTORED_AT_ONCE):
            for binding in saved[begin : begin + RESTORED_AT_ONCE]:
                if binding.expires_at > now and is_known(binding.aor):
                    self._table.restore(binding)
                else:
                    self.mark((binding.aor,))
            await asyncio.sleep(0)  # phones are served beside it
        return len(self._table)

    async def save(self) -> None:
        """Save what is dirty; a failure is logged and costs nothing but time."""
        async with self._saving:  # one after the other, so that an older picture never comes last
            dirty, self._dirty = self._dirty, set()
            if not dirty:
                return
            bindings = {extension: self._table.of(extension) for extension in dirty}
            is_saved = False
            try:
                await self._store.save_bindings(bindings)
                is_saved = True
            except Exception:
                _log.exception("%d extensions' registrations could not be saved", len(dirty))
            finally:
                if not is_saved:
                    self._dirty |= dirty
