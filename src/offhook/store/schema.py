"""Brings a database to the newest schema, or says why it cannot."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from offhook.errors import StoreError
from offhook.store.shared import Turn, take_turn

_MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps the migration under way in a global.
_one_at_a_time = threading.Lock()


def revisions() -> list[str]:
    """All revisions of the schema, oldest first: each file's name begins with its own."""
    files = (_MIGRATIONS / "versions").glob("[0-9]*_*.py")
    return sorted(file.name.partition("_")[0] for file in files)


def is_current(connection: Connection) -> bool:
    """Tell whether no migration is due. Raises StoreError for a schema newer than this code.

    Asks by itself: loading Alembic for it takes as long as loading 20,000 devices.
    """
    if not connection.dialect.has_table(connection, "alembic_version"):
        return False
    found = set(connection.execute(text("SELECT version_num FROM alembic_version")).scalars())
    known = revisions()
    strange = sorted(found - set(known))
    if strange:
        raise StoreError(
            f"the database has schema {strange[0]}, newer than this offhook knows ({known[-1]})",
            "start the newer version of offhook again, or restore the backup made before it",
        )
    return found == {known[-1]}


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are due, all in one transaction.

    The engine must not enforce foreign keys: rebuilding a table on SQLite drops it, which would
    cascade (sqlite.org/lang_altertable.html section 7).
    """
    from alembic import command  # only a start that migrates needs it
    from alembic.config import Config

    config = Config()
    # "%" begins an interpolation in an Alembic setting.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two nodes that start together migrate once. No old node is in the middle of a change
            # or of a batch of attempts: one that waits for our tables while we wait for its is
            # a deadlock, which costs one of both its work.
            for turn in (Turn.START, Turn.CHANGE, Turn.JOURNAL):
                take_turn(connection, turn)
        config.attributes["connection"] = connection
        with _one_at_a_time:
            command.upgrade(config, "head")
