"""How moments and hostile text become columns, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Up to the year 2096 a double is within a quarter of a microsecond, so that it is rounded right.
_FLOATS_US = 4_000_000_000_000_000


def to_us(moment: datetime) -> int:
    """Give an aware moment as microseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def from_us(moment_us: int) -> datetime:
    """Give the aware UTC moment of microseconds since 1970, exactly."""
    if 0 <= moment_us < _FLOATS_US:
        return datetime.fromtimestamp(moment_us / 1e6, UTC)
    return _EPOCH + timedelta(microseconds=moment_us)


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
