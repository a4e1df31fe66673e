"""Attempts in few columns: what is alike in equal ones is stored once.

Revision ID: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SHAPE = """id, transport, method, path, user_agent, mac_text, file, kind, status, fault, error,
    hint, notices, vendor, model, firmware, extension, extension_name, size_bytes, digest,
    content_type, is_device_file"""


def upgrade() -> None:
    """Give each stored attempt a shape of its own."""
    _create_shapes()
    op.execute(f"INSERT INTO attempt_shapes ({_SHAPE}) SELECT {_SHAPE} FROM attempts")  # noqa: S608 - ours
    op.execute(
        "CREATE TABLE former_attempts AS "
        "SELECT id, at_us, request_id, address, mac, is_success, is_test FROM attempts"
    )
    op.drop_table("attempts")
    _create_attempts()
    op.execute(
        "INSERT INTO attempts "
        "(id, at_us, request_id, address, shape, mac, block, is_success, is_test) "
        "SELECT id, at_us, request_id, address, id, mac, id / 4096, is_success, is_test "
        "FROM former_attempts ORDER BY id"
    )
    op.drop_table("former_attempts")


def _serial(name: str) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, autoincrement=False, nullable=False)


def _create_shapes() -> None:
    op.create_table(
        "attempt_shapes",
        _serial("id"),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("mac_text", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("fault", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("notices", sa.Text(), nullable=False),
        sa.Column("vendor", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("firmware", sa.Text(), nullable=False),
        sa.Column("extension", sa.Text(), nullable=False),
        sa.Column("extension_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("is_device_file", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempt_shapes"),
    )


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        _serial("id"),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("shape", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.String(length=12), nullable=True),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("is_success", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_attempts"),
    )
    op.create_index("ix_attempts_block_mac", "attempts", ["block", "mac"])
    columns = sa.table(
        "attempts", sa.column("is_success", sa.Boolean), sa.column("is_test", sa.Boolean)
    )
    # As either database writes a truth value: it compares the words of a query with these.
    is_odd = sa.or_(~columns.c.is_success, columns.c.is_test)
    op.create_index(
        "ix_attempts_odd",
        "attempts",
        ["is_success", "id", "is_test"],
        sqlite_where=is_odd,
        postgresql_where=is_odd,
    )
