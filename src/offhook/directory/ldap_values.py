"""Values as Active Directory stores them: GUID, SID, account state, ranges, extended names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

_ACCOUNT_DISABLED = 0x2
"""ADS_UF_ACCOUNTDISABLE of userAccountControl (MS-ADTS §2.2.16)."""
_NEVER = (0, 2**63 - 1)
"""accountExpires of an account that does not expire (MS-ADA1 §2.1)."""
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_RANGE = re.compile(r"(?P<name>[^;]+);range=(?P<first>\d+)-(?P<last>\d+|\*)", re.IGNORECASE)
_EXTENDED = re.compile(rb"<GUID=([0-9A-Fa-f-]{36})>(?:;<SID=[^>]*>)?;?", re.IGNORECASE)


def parse_guid(raw: bytes) -> str:
    """Give objectGUID as text; its first three fields are little-endian (MS-DTYP §2.3.4.2).

    Raises ValueError when it is not 16 bytes long.
    """
    return str(UUID(bytes_le=raw))


def is_account_enabled(control: bytes, expires: bytes, now: datetime) -> bool:
    """Say whether the account may be used: not disabled by hand and not expired.

    What cannot be read does not disable anybody. A locked account is an enabled one.
    """
    flags = _integer(control)
    if flags is not None and flags & _ACCOUNT_DISABLED:
        return False
    end = _integer(expires)
    return end is None or end in _NEVER or end > _filetime(now)


def parse_range(name: str) -> tuple[str, int | None] | None:
    """Read `member;range=0-1499`: the attribute and the last index, None for the final part.

    None when the name has no range (MS-ADTS §3.1.1.3.1.3.3).
    """
    found = _RANGE.fullmatch(name)
    if found is None:
        return None
    return found["name"], None if found["last"] == "*" else int(found["last"])


def parse_extended_dn(raw: bytes) -> tuple[str, bytes] | None:
    """Read `<GUID=...>;<SID=...>;CN=...`: the GUID and the DN (MS-ADTS §3.1.1.3.4.1.5).

    None when the server did not extend the name.
    """
    found = _EXTENDED.match(raw)
    if found is None:
        return None
    return found[1].decode("ascii").lower(), raw[found.end() :]


def relative_id(sid: bytes) -> int | None:
    """Give the last part of a SID, by which accounts name their primary group (MS-DTYP §2.4.2)."""
    return int.from_bytes(sid[-4:], "little") if len(sid) >= 12 else None


def number_of(raw: bytes) -> int:
    """Read a decimal number; 0 when it is none."""
    return _integer(raw) or 0


def _integer(raw: bytes) -> int | None:
    try:
        return int(raw)
    except ValueError:
        return None


def _filetime(moment: datetime) -> int:
    return int((moment - _EPOCH).total_seconds() * 10_000_000)
