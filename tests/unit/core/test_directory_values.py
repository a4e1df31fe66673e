"""What a directory really stores, made into people: names, numbers, addresses, problems."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.check import check_name
from offhook.core.directory import DirectoryEntry, DirectoryPolicy, Person, PersonProblem
from offhook.core.directory_values import to_people, to_person
from offhook.core.display_name import NAME_CUT, clean_name

GUID = "6f1c2f1e-0000-4000-8000-000000000001"
POLICY = DirectoryPolicy()
PHONE_TEXTS = replace(
    POLICY,
    number_attributes=("ipPhone", "telephoneNumber"),
    number_pattern=r"\d{4}",
    number_extract=r"(\d{4})$",
)


def entry(is_enabled: bool = True, **values: str | bytes | list[str]) -> DirectoryEntry:
    values = {"sAMAccountName": "ada", "displayName": "Ada Lovelace", **values}
    raw = {
        name.lower(): tuple(
            item if isinstance(item, bytes) else item.encode()
            for item in (texts if isinstance(texts, list) else [texts])
        )
        for name, texts in values.items()
    }
    return DirectoryEntry(guid=GUID, dn="CN=Ada,DC=test", is_enabled=is_enabled, values=raw)


def person(policy: DirectoryPolicy = POLICY, **values: str | bytes | list[str]) -> Person:
    found = to_person(entry(**values), policy)
    assert isinstance(found, Person), found
    return found


def problem(policy: DirectoryPolicy = POLICY, **values: str | bytes | list[str]) -> PersonProblem:
    found = to_person(entry(**values), policy)
    assert isinstance(found, PersonProblem), found
    return found


def test_takes_what_the_directory_says() -> None:
    found = to_person(entry(is_enabled=False, ipPhone="1001", mail="ada@example.test"), POLICY)
    assert found == Person(
        guid=GUID,
        login="ada",
        dn="CN=Ada,DC=test",
        name="Ada Lovelace",
        number="1001",
        email="ada@example.test",
        is_enabled=False,
    )


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ('Smith & Sons <"Front Desk">', 'Smith & Sons <"Front Desk">'),
        ("Niamh O'Brien", "Niamh O'Brien"),
        ("مريم العلي", "مريم العلي"),
        ("Bidi \u202eedirrevO\u202c", "Bidi edirrevO"),
        ("\u200fAda\u200e \u2066L\u2069", "Ada L"),
        ("Con\x01\x1b[31mTrol\x07", "Con[31mTrol"),
        ('Line"\r\naccount.1.password = stolen', 'Line" account.1.password = stolen'),
        ("Tab\tStop", "Tab Stop"),
        (b"N\x00Ul", "NUl"),
        ("ü" * 256, "ü" * 64),
        ("{{ 7*7 }} ${x} %(a)s {sn} $mac", "{{ 7*7 }} ${x} %(a)s {sn} $mac"),
        ("Emo 👩\u200d💻 Ji", "Emo 👩\u200d💻 Ji"),
        ("Zoe\u0308 Decomposed", "Zoë Decomposed"),
        ("   Sp   Aces  ", "Sp Aces"),
        ("No\u00a0Break\u3000Wide\u2028Line", "No Break Wide Line"),
        ("So\u00adft \ufeffMark", "Soft Mark"),
        ("New\U0003fffe \ue000Private", "New Private"),
    ],
)
def test_name_is_normalised(stored: str | bytes, name: str) -> None:
    assert person(displayName=stored).name == name


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("👩\u200d💻", "👩\u200d💻"),
        ("👩🏽\u200d🚀", "👩🏽\u200d🚀"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("ශ්\u200dරී", "ශ්\u200dරී"),
        ("क्\u200dष", "क्\u200dष"),
        ("Ad\u200da", "Ada"),
        ("Ad\u200ca", "Ada"),
        ("👩\u200c💻", "👩💻"),
        ("👩\u200d\u200d💻", "👩\u200d💻"),
        ("👩\u200d", "👩"),
        ("\u200d👩", "👩"),
        ("$\u200d$", "$$"),
    ],
)
def test_joiners_stay_only_where_something_is_joined(stored: str, name: str) -> None:
    assert clean_name(stored) == name


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("x" * 65, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("x" * 63 + "e\u0323\u0331", "x" * 63),
        ("x" * 62 + "👍🏽👍", "x" * 62 + "👍🏽"),
        ("x" * 63 + "👍🏽", "x" * 63),
        ("x" * 62 + "👩\u200d💻", "x" * 62),
        ("x" * 61 + "👩\u200d💻y", "x" * 61 + "👩\u200d💻"),
        ("x" * 63 + "🇩🇪", "x" * 63),
        ("x" * 61 + "🇩🇪🇫🇷", "x" * 61 + "🇩🇪"),
        ("x" * 63 + "\u1112\u119e\u11ab", "x" * 63),
        ("e" + "\u0331" * 100, "e" + "\u0331" * 63),
        ("x" * 63 + "क्\u200dष", "x" * 63),
    ],
)
def test_long_name_is_cut_between_letters(stored: str, name: str) -> None:
    assert clean_name(stored) == name


@pytest.mark.parametrize("stored", ["", "   ", "\u200b\u200d", "\r\n\t", "\x00", "\ue000"])
def test_nothing_to_show_is_no_name(stored: str) -> None:
    assert clean_name(stored) == ""


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"givenName": "Ada", "sn": "King", "cn": "x"}, "Ada King"),
        ({"sn": "King", "cn": "Countess"}, "Countess"),
        ({"givenName": "\u200b", "sn": "King", "cn": "Countess"}, "Countess"),
        ({"givenName": "{sn}", "sn": "King"}, "{sn} King"),
        ({}, "ada"),
    ],
)
def test_first_format_with_all_its_attributes_makes_the_name(
    values: dict[str, str], name: str
) -> None:
    assert person(displayName=" ", **values).name == name


def test_sites_may_order_names_their_way() -> None:
    policy = replace(POLICY, name_formats=("{sn}, {givenName}",))
    assert person(policy, givenName=" Ada ", sn="King\n").name == "King, Ada"


def test_empty_format_is_passed_over() -> None:
    assert person(replace(POLICY, name_formats=(" ", "{cn}")), cn="Countess").name == "Countess"


def test_person_without_any_name_is_a_problem() -> None:
    policy = replace(POLICY, name_formats=("{displayName}",))
    found = problem(policy, displayName="\u200b")
    assert (found.fault, found.login) == ("P510", "ada")
    assert found.values == {"login": "ada", "problem": "it has no name that can be shown"}


def test_guid_stands_in_for_a_missing_login() -> None:
    assert person(sAMAccountName="").login == GUID


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_gives_a_name_that_passes_or_none(text: str) -> None:
    name = clean_name(text)
    assert len(name) <= NAME_CUT
    if name:
        assert check_name(name) == name
        assert unicodedata.is_normalized("NFC", name)
        assert clean_name(name) == name


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.sampled_from(
            "ae \u0301\u0323\u200c\u200d\ufe0f👩💻🏽🇩🇪مکक्ষ\u1112\u119e\u11ab가\u2194\u202e\x01"
        ),
        max_size=90,
    )
)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_name(clean_name(text)) == clean_name(text)


# --- numbers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["9014", " 9014 ", "\u00a09014\t"])
def test_blanks_around_a_number_are_trimmed(stored: str) -> None:
    assert person(ipPhone=stored).number == "9014"


@pytest.mark.parametrize(
    "stored",
    [
        "sip:boss@example.test",
        "9020\r\nContact: <sip:evil@example.test>",
        "9020\n",
        "\uff19\uff10\uff12\uff11",
        "9" * 64,
        "9",
        "٩٠٠١",
        "90 01",
        "+9001",
        "9001\x00",
        "9" * 10_000,
    ],
)
def test_text_that_is_no_number_is_a_problem(stored: str) -> None:
    found = problem(ipPhone=stored)
    assert found.fault == "P509"
    assert found.values.keys() == {"login", "text"}
    assert found.message.isprintable()
    assert len(found.message) < 200


@pytest.mark.parametrize("values", [{}, {"ipPhone": ""}, {"ipPhone": "  "}, {"ipPhone": []}])
def test_person_without_number_text_has_no_number(values: dict[str, str]) -> None:
    assert person(**values).number == ""


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ({"ipPhone": "1001", "telephoneNumber": "1002"}, "1001"),
        ({"telephoneNumber": "+49 30 5550 9017"}, "9017"),
        ({"telephoneNumber": "+49 (30) 5550-9017 ext. 9018"}, "9018"),
        ({"ipPhone": "on request", "telephoneNumber": "1002"}, "1002"),
        ({"ipPhone": "12345"}, "2345"),
    ],
)
def test_first_attribute_with_a_number_wins(values: dict[str, str], number: str) -> None:
    assert person(PHONE_TEXTS, **values).number == number


def test_extract_without_a_group_takes_the_match() -> None:
    policy = replace(PHONE_TEXTS, number_extract=r"\d{4}(?=;)|(?<=ext=)\d{4}")
    assert person(policy, telephoneNumber="+1-555-010-0199;ext=9018").number == "0199"


def test_extract_finds_ascii_digits_on_one_line_only() -> None:
    assert problem(PHONE_TEXTS, telephoneNumber="+49 30 \uff19\uff10\uff11\uff17").fault == "P509"
    assert problem(PHONE_TEXTS, telephoneNumber="x\n9017").fault == "P509"


def test_group_that_took_no_part_is_no_number() -> None:
    policy = replace(PHONE_TEXTS, number_extract=r"tel(\d{4})?")
    assert problem(policy, telephoneNumber="tel").fault == "P509"


def test_several_values_give_the_same_number_in_any_order() -> None:
    policy = replace(POLICY, number_attributes=("otherIpPhone",))
    assert person(policy, otherIpPhone=["9033", "9032"]).number == "9032"
    assert person(policy, otherIpPhone=["9032", "9033", "x"]).number == "9032"


@pytest.mark.parametrize(
    ("number", "is_inside"),
    [
        ("1000", True),
        ("1999", True),
        ("2000", False),
        ("150", False),
        ("20", True),
        ("15000", False),
    ],
)
def test_number_must_be_within_a_range(number: str, is_inside: bool) -> None:
    policy = replace(POLICY, number_ranges=(("1000", "1999"), ("20", "29")))
    found = to_person(entry(ipPhone=number), policy)
    assert isinstance(found, Person) is is_inside
    if isinstance(found, PersonProblem):
        assert "within 1000-1999, 20-29" in found.message


def test_pattern_wider_than_digits_lets_nothing_else_through() -> None:
    assert problem(replace(POLICY, number_pattern=".*"), ipPhone="90a1").fault == "P509"


# --- e-mail, encoding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "email"),
    [
        (" ada@example.test ", "ada@example.test"),
        ("ada at example", ""),
        ("a@b\r\nBcc: x", ""),
        ("<ada@example.test>", ""),
    ],
)
def test_bad_address_is_none(stored: str, email: str) -> None:
    assert person(mail=stored).email == email


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"displayName": b"Ad\xffa"}, "its displayName is not UTF-8"),
        ({"ipPhone": b"90\xc301"}, "its ipPhone is not UTF-8"),
        ({"mail": b"\xe9"}, "its mail is not UTF-8"),
        ({"displayName": b"\xed\xa0\x80"}, "its displayName is not UTF-8"),
    ],
)
def test_bad_utf8_is_a_problem(values: dict[str, bytes], words: str) -> None:
    found = problem(**values)
    assert (found.fault, found.login, found.message) == ("P510", "ada", words)


def test_unreadable_login_is_shown_escaped() -> None:
    assert problem(sAMAccountName=b"a\xff\x1b[2Jb").login == "a\\xff\\x1b[2Jb"


def test_attribute_that_decides_nothing_may_be_broken() -> None:
    assert person(cn=b"\xff", comment=b"\xff").name == "Ada Lovelace"


def test_problem_keeps_whether_the_account_is_enabled() -> None:
    for values in ({"ipPhone": "x"}, {"displayName": b"\xff"}):
        found = to_person(entry(is_enabled=False, **values), POLICY)
        assert isinstance(found, PersonProblem)
        assert not found.is_enabled


def test_entries_are_divided_in_their_order() -> None:
    good, bad = entry(ipPhone="1001"), entry(ipPhone="x")
    people, problems = to_people([bad, good, bad, good], POLICY)
    assert ([it.number for it in people], [it.fault for it in problems]) == (
        ["1001", "1001"],
        ["P509", "P509"],
    )


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["samaccountname", "displayname", "cn", "mail", "ipphone"]),
        st.lists(
            st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)), max_size=3
        ).map(tuple),
    )
)
def test_any_bytes_give_a_person_or_a_problem(values: dict[str, tuple[bytes, ...]]) -> None:
    found = to_person(DirectoryEntry(guid=GUID, dn="", is_enabled=True, values=values), POLICY)
    assert found.login.strip()
    assert found.login.isprintable() or "\u200d" in found.login
    if isinstance(found, Person):
        assert check_name(found.name) == found.name
        assert found.number.isascii()
    else:
        assert found.fault in {"P509", "P510"}
        assert all(str(value).isprintable() for value in found.values.values())
