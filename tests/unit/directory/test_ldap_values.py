"""Values of Active Directory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.directory.ldap_values import (
    is_account_enabled,
    number_of,
    parse_extended_dn,
    parse_guid,
    parse_range,
    relative_id,
)

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def filetime(moment: datetime) -> bytes:
    ticks = (moment - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    return str(ticks).encode()


def test_guid_is_little_endian_in_its_first_fields() -> None:
    # MS-DTYP §2.3.4.2 and §2.3.4.3
    raw = bytes.fromhex("10f83ab2b1b66249bf5ca270cebdff42")
    assert parse_guid(raw) == "b23af810-b6b1-4962-bf5c-a270cebdff42"


@given(st.uuids())
def test_guid_round_trips(guid: UUID) -> None:
    assert parse_guid(guid.bytes_le) == str(guid)


@pytest.mark.parametrize("raw", [b"", b"\x00" * 15, b"\x00" * 17])
def test_guid_of_another_length_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="16-char"):
        parse_guid(raw)


@pytest.mark.parametrize(
    ("control", "expires", "is_enabled"),
    [
        (b"512", b"0", True),
        (b"512", b"9223372036854775807", True),
        (b"66048", b"9223372036854775807", True),
        (b"514", b"0", False),
        (b"66050", b"0", False),
        (b"528", b"0", True),
        (b"512", b"132000000000000000", False),
        (b"512", filetime(NOW), False),
        (b"512", filetime(NOW + timedelta(seconds=1)), True),
        (b"512", b"9223372036854775806", True),
        (b"", b"", True),
        (b"x", b"y", True),
    ],
)
def test_account_state(control: bytes, expires: bytes, is_enabled: bool) -> None:
    assert is_account_enabled(control, expires, NOW) is is_enabled


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("member;range=0-1499", ("member", 1499)),
        ("member;Range=1500-*", ("member", None)),
        ("member", None),
        ("member;range=0-", None),
        ("member;binary;range=0-1", None),
    ],
)
def test_range_of_a_long_attribute(name: str, part: tuple[str, int | None] | None) -> None:
    assert parse_range(name) == part


def test_extended_dn_gives_guid_and_dn() -> None:
    guid = "B2F83A10-b6b1-4962-bf5c-a270cebdff42"
    dn = "CN=Łukasz\\, x,DC=a".encode()
    with_sid = f"<GUID={guid}>;<SID=S-1-5-21-1-2-3-2107>;".encode() + dn
    assert parse_extended_dn(with_sid) == (guid.lower(), dn)
    assert parse_extended_dn(f"<GUID={guid}>;".encode() + dn) == (guid.lower(), dn)
    assert parse_extended_dn(dn) is None


def test_relative_id_is_the_last_part_of_a_sid() -> None:
    sid = bytes.fromhex("01050000000000051500000060f8230f52872001c0f069523b080000")
    assert relative_id(sid) == 2107
    assert relative_id(b"") is None


@pytest.mark.parametrize(("raw", "number"), [(b"513", 513), (b"", 0), (b"x", 0)])
def test_number(raw: bytes, number: int) -> None:
    assert number_of(raw) == number
