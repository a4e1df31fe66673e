"""Mac: the guide's five spellings, finding one in a text, distance."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.mac import MAC_IN_NAME, Mac, distance, find_mac, parse_mac

ED68 = Mac(0x000BEA85ED68)
macs = st.builds(Mac, st.integers(min_value=1, max_value=0xFFFFFFFFFFFE))


def spellings(mac: Mac) -> list[str]:
    plain = mac.plain
    dots = ".".join(plain[i : i + 4] for i in (0, 4, 8))
    return [mac.colons, mac.colons.replace(":", "-"), dots.upper(), plain.upper(), plain]


@pytest.mark.parametrize(
    "text",
    [
        "00:0B:EA:85:ED:68",
        "00-0B-EA-85-ED-68",
        "000B.EA85.ED68",
        "000BEA85ED68",
        "000bea85ed68",
        " 000bea85ed68\n",
    ],
)
def test_reads_the_guides_spellings(text: str) -> None:
    assert parse_mac(text) == ED68


@given(macs)
def test_every_spelling_is_the_same_mac(mac: Mac) -> None:
    for text in spellings(mac):
        assert parse_mac(text) == mac
        assert find_mac(f"cfg{text}.xml") == mac
        assert re.fullmatch(MAC_IN_NAME, text, re.IGNORECASE)
    assert str(mac) == mac.plain
    assert mac.plain.startswith(mac.oui)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "000bea85ed6",
        "000bea85ed681",
        "00:0b:ea:85:ed",
        "00:0b:ea-85:ed:68",
        "000bea.85ed68",
        "0:b:ea:85:ed:68",
        "gg0bea85ed68",
        "000bea85ed68.cfg",
        "\u0660\u06600bea85ed68",
        "000000000000",
        "00:00:00:00:00:00",
        "ffffffffffff",
    ],
)
def test_refuses_what_names_no_phone(text: str) -> None:
    assert parse_mac(text) is None


@given(st.text(max_size=40))
def test_any_text_is_a_mac_or_none(text: str) -> None:
    found = parse_mac(text)
    assert found is None or parse_mac(found.plain) == found
    assert find_mac(text) is None or find_mac(text) == find_mac(find_mac(text).plain)  # type: ignore[union-attr]  # checked before


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Yealink SIP-T46G 28.72.0.1 00:15:65:4a:a9:37", "0015654aa937"),
        ("Yealink SIP-T56A  58.80.0.25 001565f429a4", "001565f429a4"),
        ("Cisco/SPA501G-7.4.4 (8843E157DDCC)(serial)", "8843e157ddcc"),
        ("Mitel6940 MAC:14-00-E9-1B-45-24 V:6.4.0.140-SIP", "1400e91b4524"),
        ("Mitel6940 MAC:14:00:E9:1B:45:24 V:6.4", "1400e91b4524"),
        ("00-15-65-12-34-56-boot.log", "001565123456"),
        ("000000000000 001565123456", "001565123456"),
        ("SEP001565123456.cnf.xml", "001565123456"),
        ("001565123456-local.cfg", "001565123456"),
    ],
)
def test_finds_a_mac_inside(text: str, plain: str) -> None:
    found = find_mac(text)
    assert found is not None
    assert found.plain == plain


@pytest.mark.parametrize(
    "text", ["", "Zultys ZIP 33G - 47.80.132.4", "28.71.0.81 28.1.0.128.0.0.0", "0015651234567"]
)
def test_finds_none_where_there_is_none(text: str) -> None:
    assert find_mac(text) is None


def test_file_names_of_zeros_are_no_device() -> None:
    assert re.fullmatch(MAC_IN_NAME + r"\.cfg", "000000000000.cfg") is None


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("000bea85ed68", "000bea85ed68", 0),
        ("000bea85ed68", "000bea85ed69", 1),
        ("000bea85ed68", "000bea85ed86", 1),
        ("000bea85ed68", "000bea58de68", 2),
        ("000bea85ed68", "000bea85abcd", 4),
    ],
)
def test_distance_counts_typing_errors(one: str, other: str, steps: int) -> None:
    left, right = parse_mac(one), parse_mac(other)
    assert left is not None
    assert right is not None
    assert distance(left, right) == distance(right, left) == steps
