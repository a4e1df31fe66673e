"""What people may type: accepted as data, or refused with the field named."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.check import (
    NAME_MAX,
    FieldError,
    check_email,
    check_name,
    check_number,
    check_secret,
    check_setting,
)


@pytest.mark.parametrize(
    "name",
    [
        'A & B <x> "q"',
        "Zoë O'Neil",
        "{{ secret }}",
        "{% raw %}",
        "أحمد",
        "דוד כהן",
        "%NULL%",
        "# no comment",
        "=1+1",
        "x" * NAME_MAX,
        "日本語",
        "👍 thumbs",
    ],
)
def test_takes_names_as_data(name: str) -> None:
    assert check_name(name) == name


def test_trims_and_composes() -> None:
    assert check_name("  Zoe\u0308 ") == "Zo\u00eb"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "must not be empty"),
        (" \t ", "must not be empty"),
        ("\u200b\u200d", "must not be empty"),
        ("\ufeff", "must not be empty"),
        ("x" * 300, "is 300 characters long; at most 100"),
        ("a\nb", "U+000A"),
        ("a\r\nb", "U+000D"),
        ("a\x00b", "U+0000"),
        ("a\x1bb", "U+001B"),
        ("a\x85b", "U+0085"),
        ("a\u2028b", "U+2028"),
        ("a\ud800b", "U+D800"),
        ("a\ufffeb", "U+FFFE"),
        ("a\u202eb", "U+202E"),
        ("a\u2066b", "U+2066"),
        ("a\ue000b", "U+E000"),
    ],
)
def test_refuses_names_no_phone_can_show(name: str, words: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_name(name, "label")
    assert caught.value.field == "label"
    assert words in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text(max_size=NAME_MAX + 20))
def test_a_name_taken_once_is_taken_again_unchanged(text: str) -> None:
    try:
        name = check_name(text)
    except FieldError:
        return
    assert check_name(name) == name == unicodedata.normalize("NFC", name).strip()
    assert len(name) <= NAME_MAX
    name.encode("utf-8")


@pytest.mark.parametrize("number", ["1", "1001", "0", "9" * 20])
def test_takes_numbers(number: str) -> None:
    assert check_number(number) == number


@pytest.mark.parametrize("number", ["", "10 01", "1001\n", "٣", "-1", "1" * 21, "1001;x", "a"])
def test_refuses_what_is_no_number(number: str) -> None:
    with pytest.raises(FieldError, match=r"^number must be 1 to 20 digits, got") as caught:
        check_number(number)
    assert str(caught.value).isprintable()


def test_shows_little_of_a_long_number() -> None:
    with pytest.raises(FieldError) as caught:
        check_number("x" * 100_000)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("email", ["", "a@example.com", "zoë@example.com"])
def test_takes_addresses(email: str) -> None:
    assert check_email(email) == email


@pytest.mark.parametrize(
    "email",
    ["a", "a@", "@b", "a b@c", "a@b@c", "<a@b>", "a\x00@b", "a@b\ud800", "a@b\u202e", "a@b\n"],
)
def test_refuses_what_is_no_address(email: str) -> None:
    with pytest.raises(FieldError, match=r"^email must look like") as caught:
        check_email(email)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("secret", ["12345678", "&<>\"'{}%$", "x" * 64])
def test_takes_secrets(secret: str) -> None:
    assert check_secret(secret) == secret


@pytest.mark.parametrize(
    "secret", ["", "short-7", "x" * 65, "has blank", "zoë-password", "12345678\n", "nul\x00-12345"]
)
def test_refuses_secrets_without_showing_them(secret: str) -> None:
    with pytest.raises(FieldError, match=r"^admin_password must be 8 to 64") as caught:
        check_secret(secret, "admin_password")
    assert caught.value.field == "admin_password"
    assert not secret or secret not in str(caught.value)


@pytest.mark.parametrize("key", ["transport", "account.1.label", "P271", "a-b_c", "x" * 128])
def test_takes_setting_keys(key: str) -> None:
    check_setting(key, "")


@pytest.mark.parametrize("key", ["", "a b", "a=b", "-a", "a\n", "<a>", "ä", "x" * 129])
def test_refuses_setting_keys(key: str) -> None:
    with pytest.raises(FieldError, match=r"^settings has the key"):
        check_setting(key, "")


@pytest.mark.parametrize("value", ["a\nb", "a\x00", "\ud800", "\ufffe", "\u2028", "x" * 1025])
def test_refuses_values_that_no_file_carries(value: str) -> None:
    with pytest.raises(FieldError, match=r"^settings account.1.label") as caught:
        check_setting("account.1.label", value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", ["", "Zoë", "a = b", "<b>", "أحمد", "\u202e"])
def test_takes_values_as_data(value: str) -> None:
    check_setting("account.1.label", value)
