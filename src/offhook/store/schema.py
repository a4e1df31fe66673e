"""Brings a database to the newest schema, or says why it cannot."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from offhook.errors import StoreError
from offhook.store.shared import Turn, take_turn

_MIGRATIONS = Path(__file__).parent / "migrations"


# Alembic keeps the migration under way in a global.
_one_at_a_time = threading.Lock()


def _config() -> Config:
    config = Config()
    # "%" begins an interpolation in an Alembic setting.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def is_current(connection: Connection) -> bool:
    """Tell whether no migration is due. Raises StoreError for a schema newer than this code."""
    scripts = ScriptDirectory.from_config(_config())
    known = {script.revision for script in scripts.walk_revisions()}
    found = set(MigrationContext.configure(connection).get_current_heads())
    strange = sorted(found - known)
    if strange:
        newest = scripts.get_current_head()
        raise StoreError(
            f"the database has schema {strange[0]}, newer than this offhook knows ({newest})",
            "start the newer version of offhook again, or restore the backup made before it",
        )
    return found == set(scripts.get_heads())


def upgrade(engine: Engine) -> None:
    """Apply the migrations that are due, all in one transaction.

    The engine must not enforce foreign keys: rebuilding a table on SQLite drops it, which would
    cascade (sqlite.org/lang_altertable.html section 7).
    """
    config = _config()
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            take_turn(connection, Turn.START)  # two nodes that start together migrate once
        config.attributes["connection"] = connection
        with _one_at_a_time:
            command.upgrade(config, "head")
