"""What other nodes wrote, read on the database thread."""

from __future__ import annotations

from offhook.actions.elsewhere import Contacts, News
from offhook.core.directory import Link
from offhook.store.batches import read_contacts
from offhook.store.database import Database
from offhook.store.journal import SqlJournal
from offhook.store.links import load_links
from offhook.store.log_reading import read_log
from offhook.store.shared import Shared


class SqlNews:
    """The log of commits and the batches of attempts, each read on from where we are."""

    def __init__(self, database: Database, shared: Shared, journal: SqlJournal) -> None:
        self._database = database
        self._shared = shared
        self._journal = journal

    async def news(self) -> News:
        """Give what was committed elsewhere. Raises StoreError."""
        return await self._database.run(read_log, self._database.cipher, self._shared)

    def note_news(self, news: News) -> None:
        """Go on from there; our own commits may have gone further meanwhile."""
        self._shared.revision = max(self._shared.revision, news.revision)

    async def contacts(self) -> Contacts:
        """Give which phones asked elsewhere. Raises StoreError."""
        return await self._database.run(read_contacts, self._shared)

    def note_contacts(self, contacts: Contacts) -> None:
        """Go on from there, and count them."""
        self._shared.batch = max(self._shared.batch, contacts.batch)
        self._journal.count_elsewhere(contacts.tally)

    async def recount(self) -> None:
        """Count the journal anew. Raises StoreError."""
        await self._journal.recount()

    async def links(self) -> list[Link]:
        """Give all links. Raises StoreError."""
        return await self._database.run(load_links)
