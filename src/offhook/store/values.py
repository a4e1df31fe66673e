"""How moments and hostile text become columns, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_us(moment: datetime) -> int:
    """Give an aware moment as microseconds since 1970, exactly."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(moment_us: int) -> datetime:
    """Give the aware UTC moment of microseconds since 1970, exactly."""
    return _EPOCH + timedelta(0, 0, moment_us)  # by place: it is made for every column of a start


def to_us_or_none(moment: datetime | None) -> int | None:
    """Give microseconds, or None for no moment."""
    return None if moment is None else to_us(moment)


def from_us_or_none(moment_us: int | None) -> datetime | None:
    """Give the moment, or None for none."""
    return None if moment_us is None else from_us(moment_us)


def storable(text: str) -> str:
    """Replace what no database keeps: NUL (PostgreSQL refuses it) and lone surrogates (no UTF-8).

    For text that phones chose: one odd byte must not hold up the rows beside it.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")
