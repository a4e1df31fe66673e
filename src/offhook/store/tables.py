"""Every table of the database, as SQLAlchemy Core sees it.

Times are integer microseconds since 1970 in UTC. A MAC is twelve lower-case digits. Identifiers
are ours, never the database's. Columns named `secret` or `admin_password` hold the text of
`crypto.Cipher`. A change here needs a migration; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    or_,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite keeps a table in the order of its key, without a second tree, only for "INTEGER".
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def _mac_of_device() -> Column[str]:
    return Column(
        "mac", String(12), ForeignKey("devices.mac", ondelete="CASCADE"), primary_key=True
    )


extensions = Table(
    "extensions",
    metadata,
    Column("number", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

devices = Table(
    "devices",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("admin_password", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)

# No foreign key to extensions: a line may outlive its extension, and diagnosis tells so (P3xx).
lines = Table(
    "lines",
    metadata,
    _mac_of_device(),
    Column("line_index", SmallInteger, primary_key=True, autoincrement=False),
    Column("extension", Text, nullable=False),
    Column("label", Text, nullable=False),
    sqlite_with_rowid=False,
)

device_settings = Table(
    "device_settings",
    metadata,
    _mac_of_device(),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

scoped_settings = Table(
    "scoped_settings",
    metadata,
    Column("level", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_with_rowid=False,
)

sightings = Table(
    "sightings",
    metadata,
    _mac_of_device(),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("firmware", Text, nullable=False),
    Column("last_contact_us", BigInteger),
    Column("last_provisioned_us", BigInteger),
)

deliveries = Table(
    "deliveries",
    metadata,
    _mac_of_device(),
    Column("file", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    sqlite_with_rowid=False,
)

unknown_phones = Table(
    "unknown_phones",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("firmware", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("first_seen_us", BigInteger, nullable=False),
    Column("last_seen_us", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
)

# What is alike in equal attempts, once for many of them; its id is that of the first.
attempt_shapes = Table(
    "attempt_shapes",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=False),
    Column("transport", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("mac_text", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("fault", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("notices", Text, nullable=False),  # fault codes, comma between
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("firmware", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("extension_name", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("is_device_file", Boolean, nullable=False),
)

BLOCK_ROWS = 4096
"""Attempts in a block, by their ids."""

# Without a foreign key to its shape, which is looked after by `attempts` and `retention`.
attempts = Table(
    "attempts",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("shape", BigInteger, nullable=False),
    Column("mac", String(12)),
    Column("block", Integer, nullable=False),
    Column("is_success", Boolean, nullable=False),
    Column("is_test", Boolean, nullable=False),
)
# The first serves a phone's history; the second pages of failures, and counting at start. Most
# attempts are neither failures nor tests, and cost nothing there.
Index(None, attempts.c.block, attempts.c.mac)
_is_odd = or_(~attempts.c.is_success, attempts.c.is_test)
Index(
    "ix_attempts_odd",
    attempts.c.is_success,
    attempts.c.id,
    attempts.c.is_test,
    sqlite_where=_is_odd,
    postgresql_where=_is_odd,
)

# Without a foreign key: a phone that was deleted has a history all the same, until it is pruned.
sip_records = Table(
    "sip_records",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("mac", String(12)),
    Column("extension", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("detail", Text, nullable=False),
)
Index(None, sip_records.c.mac, sip_records.c.id)
Index(None, sip_records.c.extension, sip_records.c.id)

reboots = Table(
    "reboots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("mac", String(12)),
    Column("extension", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_us", BigInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("steps", JSON, nullable=False),  # step to microseconds
    Column("sip_code", Integer, nullable=False),
    Column("sip_reason", Text, nullable=False),
    Column("was_challenged", Boolean, nullable=False),
    Column("fault", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
Index(None, reboots.c.asked_us)
Index(None, reboots.c.mac, reboots.c.asked_us)
Index(None, reboots.c.extension, reboots.c.asked_us)

changes = Table(
    "changes",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("noun", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JSON(none_as_null=True)),
    Column("after", JSON(none_as_null=True)),
)
Index(None, changes.c.subject, changes.c.id)

tokens = Table(
    "tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("last_used_us", BigInteger),
)

admins = Table(
    "admins",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("admin", Text, ForeignKey("admins.name", ondelete="CASCADE"), nullable=False),
    Column("address", Text, nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

registrations = Table(
    "registrations",
    metadata,
    Column("extension", Text, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("contact", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("call_id", Text, nullable=False),
    Column("cseq", BigInteger, nullable=False),
    Column("user_agent", Text, nullable=False),
    Column("mac", String(12)),
    Column("path", JSON, nullable=False),
    Column("instance", Text, nullable=False),
    Column("q", Float, nullable=False),
    Column("registered_us", BigInteger, nullable=False),
    Column("refreshed_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
)

# No foreign key to devices: whether a stranger may leave a file is decided above.
uploads = Table(
    "uploads",
    metadata,
    Column("mac", String(12), primary_key=True),
    Column("file", Text, primary_key=True),
    Column("size_bytes", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
Index(None, uploads.c.at_us, uploads.c.size_bytes)

links = Table(
    "links",
    metadata,
    Column("source", Text, primary_key=True),
    Column("guid", Text, primary_key=True),
    Column("number", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("login", Text, nullable=False),
    Column("dn", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("overrides", JSON, nullable=False),
    Column("reserved", JSON, nullable=False),
    Column("seen_from", Text, nullable=False),
    Column("is_ignored_by_hand", Boolean, nullable=False),
)

sync_reports = Table(
    "sync_reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("started_us", BigInteger, nullable=False, index=True),
    Column("source", Text, nullable=False),
    Column("body", JSON, nullable=False),
)
