"""The key = value dialect: escaping, parsing as the phone does, merging by key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError

from offhook.core.dialect import DialectError
from offhook.core.secret import Secret
from offhook.vendors._dialects.keyvalue import CLEAR, HEADER, KEYVALUE

keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_.\-]{0,30}", fullmatch=True)
values = (
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60)
    .map(str.strip)
    .filter(lambda text: text.upper() != CLEAR)
)
settings = st.dictionaries(keys, values, max_size=6)


def text_of(*lines: str) -> str:
    return "\n".join((HEADER, *lines, ""))


# --- escape ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (False, "0"),
        (0, "0"),
        (-5, "-5"),
        ("", ""),
        ("# x", "# x"),
        ("= x", "= x"),
        ('A & B <x> "q"', 'A & B <x> "q"'),
        ("100%NULL%", "100%NULL%"),
        ("שלום", "שלום"),
    ],
)
def test_writes(value: object, text: str) -> None:
    assert KEYVALUE.escape(value) == text


@pytest.mark.parametrize(
    "value",
    [
        "a\nb",
        "a\rb",
        "a\0b",
        "a\tb",
        "a\x1bb",
        "a\x7fb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\ud800b",
        " a",
        "a ",
        "\u00a0a",
        "%NULL%",
        "%null%",
        None,
        1.5,
        b"x",
        ("a",),
        Secret("x"),
    ],
)
def test_refuses_what_the_file_cannot_carry(value: object) -> None:
    with pytest.raises(DialectError):
        KEYVALUE.escape(value)


def test_refusal_does_not_show_the_value() -> None:
    with pytest.raises(DialectError) as caught:
        KEYVALUE.escape("hunter2\n")
    assert "hunter2" not in str(caught.value)
    assert "U+000A" in str(caught.value)


@pytest.mark.parametrize("expression", ["missing", "known.missing", "'1' if no else missing"])
def test_undefined_names_the_variable(expression: str) -> None:
    environment = Environment(
        loader=DictLoader({"x": f"a = {{{{ {expression} }}}}"}),
        undefined=StrictUndefined,
        finalize=KEYVALUE.escape,
    )
    with pytest.raises(UndefinedError, match="missing"):
        environment.get_template("x").render(known="text", no=False)


# --- parse -----------------------------------------------------------------------------------


def test_last_value_wins_and_blank_ones_change_nothing() -> None:
    text = text_of("a = 1", "b=2", "a = 3", "b =", "c =", "  d\t=  x = y  ")
    assert KEYVALUE.parse(text) == {"a": "3", "b": "2", "d": "x = y"}


def test_comments_stand_at_the_start_of_a_line_only() -> None:
    text = text_of("# a = 1", "  # b = 2", "c = 3  # three", "d = #4")
    assert KEYVALUE.parse(text) == {"c": "3  # three", "d": "#4"}


def test_null_clears() -> None:
    assert KEYVALUE.parse(text_of("a = 1", "a = %NULL%")) == {"a": ""}


def test_reads_dos_lines() -> None:
    assert KEYVALUE.parse(f"{HEADER}\r\na = 1\r\n") == {"a": "1"}


def test_skips_lines_that_are_no_setting() -> None:
    assert KEYVALUE.parse(text_of("", "word", "= x", "<html>")) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1\n",
        f"\n{HEADER}\na = 1\n",
        f"\ufeff{HEADER}\n",
        "#!version:1.0.0.2\n",
        f"{HEADER} # x\n",
        f"{HEADER}\na = 1\0\n",
    ],
)
def test_refuses_what_the_phone_refuses_as_a_whole(text: str) -> None:
    with pytest.raises(DialectError):
        KEYVALUE.parse(text)


@given(st.one_of(st.text(), st.text().map(lambda text: f"{HEADER}\n{text}")))
def test_any_text_is_values_or_a_dialect_error(text: str) -> None:
    try:
        parsed = KEYVALUE.parse(text)
    except DialectError:
        return
    assert all(key and not key.startswith("#") and "=" not in key for key in parsed)


@given(settings)
def test_what_is_escaped_is_parsed_back(wanted: dict[str, str]) -> None:
    lines = [f"{key} = {KEYVALUE.escape(value)}" for key, value in wanted.items()]
    assert KEYVALUE.parse(text_of(*lines)) == {key: text for key, text in wanted.items() if text}


# --- apply -----------------------------------------------------------------------------------


def test_replaces_the_line_of_a_known_key_and_adds_the_others() -> None:
    text = text_of("# head", "a = 1", "b = 2", "", "c = 3")
    merged = KEYVALUE.apply(text, {"b": "new", "z": "9"})
    assert merged == text_of("# head", "a = 1", "b = new", "", "c = 3", "z = 9")


def test_replaces_the_line_that_wins() -> None:
    merged = KEYVALUE.apply(text_of("a = 1", "a = 2", "a ="), {"a": "3"})
    assert merged == text_of("a = 1", "a = 2", "a = 3")


def test_keeps_dos_line_ends() -> None:
    merged = KEYVALUE.apply(f"{HEADER}\r\na = 1\r\nb = 2\r\n", {"a": "x"})
    assert merged == f"{HEADER}\r\na = x\r\nb = 2\r\n"


def test_adds_after_a_last_line_without_an_end() -> None:
    assert KEYVALUE.apply(f"{HEADER}\na = 1", {"b": "2"}) == text_of("a = 1", "b = 2")


def test_an_empty_setting_clears() -> None:
    merged = KEYVALUE.apply(text_of("a = 1"), {"a": ""})
    assert merged == text_of("a = %NULL%")


def test_order_of_settings_does_not_change_the_bytes() -> None:
    one = KEYVALUE.apply(text_of("a = 1"), {"y": "1", "a": "2", "x": "3"})
    assert one == KEYVALUE.apply(text_of("a = 1"), {"x": "3", "a": "2", "y": "1"})


def test_nothing_to_merge_changes_nothing() -> None:
    text = f"{HEADER}\r\n a=1 \n\n#x"
    assert KEYVALUE.apply(text, {}) == text


@pytest.mark.parametrize("key", ["", "#a", "a b", "a=b", "a\nb", "1a", "a\n", "ä", "a" * 129])
def test_refuses_an_unusable_key(key: str) -> None:
    with pytest.raises(DialectError):
        KEYVALUE.apply(text_of(), {key: "x"})


@pytest.mark.parametrize("value", ["a\nb = c", "%NULL%", " a", "a\0"])
def test_refuses_an_unusable_value_naming_its_key(value: str) -> None:
    with pytest.raises(DialectError, match=r"account\.1\.label"):
        KEYVALUE.apply(text_of(), {"account.1.label": value})


@given(settings, settings)
def test_merged_settings_win_and_others_stay(before: dict[str, str], after: dict[str, str]) -> None:
    text = KEYVALUE.apply(text_of(), before)
    assert KEYVALUE.parse(text) == before
    merged = KEYVALUE.apply(text, after)
    assert KEYVALUE.parse(merged) == {**before, **after}
    assert KEYVALUE.apply(merged, after) == merged
