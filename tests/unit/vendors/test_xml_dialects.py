"""The XML dialects: what they refuse, what they read, and that merged settings win."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined, Undefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from offhook.core.dialect import Dialect, DialectError
from offhook.core.secret import Secret
from offhook.vendors._dialects.xml_attributes import XmlAttributes
from offhook.vendors._dialects.xml_elements import XmlElements
from offhook.vendors._dialects.xml_pvalues import XmlPValues

ATTRIBUTES, ELEMENTS, PVALUES = XmlAttributes(), XmlElements(), XmlPValues()
ALL = (ATTRIBUTES, ELEMENTS, PVALUES)
EMPTY = {
    ATTRIBUTES.name: "<A>\n</A>\n",
    ELEMENTS.name: "<flat-profile>\n</flat-profile>\n",
    PVALUES.name: '<gs_provision><config version="1">\n</config></gs_provision>\n',
}
HOLE = {
    ATTRIBUTES.name: '<A key="{{ value }}"/>',
    ELEMENTS.name: "<flat-profile><key>{{ value }}</key></flat-profile>",
    PVALUES.name: '<gs_provision><config version="1"><P9>{{ value }}</P9></config></gs_provision>',
}
KEY = {ATTRIBUTES.name: "key", ELEMENTS.name: "key", PVALUES.name: "P9"}
CARRIED = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\ufffe\uffff"),
    max_size=40,
)
NAMES = st.text(string.ascii_letters, min_size=1, max_size=6)
each = pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.name)


def rendered(dialect: Dialect, value: object, template: str = "") -> str:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=dialect.is_xml, finalize=dialect.escape
    )
    return environment.from_string(template or HOLE[dialect.name]).render(value=value)


@each
@given(value=CARRIED)
@settings(max_examples=60)
def test_rendered_value_is_read_back(dialect: Dialect, value: str) -> None:
    assert dialect.parse(rendered(dialect, value)) == {KEY[dialect.name]: value}


@each
@given(value=st.text(max_size=20))
@settings(max_examples=60)
def test_any_text_is_written_and_read_back_or_refused(dialect: Dialect, value: str) -> None:
    try:
        text = rendered(dialect, value)
    except DialectError:
        return
    assert dialect.parse(text) == {KEY[dialect.name]: value}


@each
@pytest.mark.parametrize(
    "character",
    ["\0", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\ufffe"],
)
def test_refuses_what_the_file_cannot_carry(dialect: Dialect, character: str) -> None:
    with pytest.raises(DialectError, match=f"U.{ord(character):04X}"):
        dialect.escape(f"a{character}b")
    with pytest.raises(DialectError, match=KEY[dialect.name]):
        dialect.apply(EMPTY[dialect.name], {KEY[dialect.name]: f"a{character}b"})


@each
@pytest.mark.parametrize("value", [None, Undefined(), ["x"], Secret("x"), 1.5])
def test_refuses_what_is_no_text_number_or_truth_value(dialect: Dialect, value: object) -> None:
    with pytest.raises(DialectError):
        dialect.escape(value)


@each
def test_undefined_variable_is_named(dialect: Dialect) -> None:
    with pytest.raises(UndefinedError, match="missing"):
        rendered(dialect, "", "{{ missing }}")


@each
def test_refusal_does_not_show_the_value(dialect: Dialect) -> None:
    with pytest.raises(DialectError) as caught:
        dialect.escape("hunter2\n")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("dialect", "yes", "no"), [(ATTRIBUTES, "1", "0"), (ELEMENTS, "Yes", "No")]
)
def test_truth_values_are_the_makers(dialect: Dialect, yes: str, no: str) -> None:
    assert (dialect.escape(True), dialect.escape(False), dialect.escape(5060)) == (yes, no, "5060")


@each
def test_macro_result_is_escaped_once(dialect: Dialect) -> None:
    macro = "{% macro shown(x) %}<{{ x }}>\n{% endmacro %}{{ shown(value) }}"
    assert rendered(dialect, "A & B", macro) == "<A &amp; B>\n"


@each
def test_safe_filter_does_not_let_control_characters_through(dialect: Dialect) -> None:
    with pytest.raises(DialectError):
        rendered(dialect, "a\0b", "{{ value|safe }}")


@each
@given(text=st.text(max_size=60) | st.text("<>/a=\"'& !-[]?x1", max_size=60))
@settings(max_examples=150)
def test_any_text_parses_or_is_refused(dialect: Dialect, text: str) -> None:
    try:
        values = dialect.parse(text)
    except DialectError:
        return
    assert all(isinstance(key, str) for key in values)


BILLION_LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]>
<flat-profile><a>&lol2;</a></flat-profile>"""


@each
@pytest.mark.parametrize(
    "text",
    [
        BILLION_LAUGHS,
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
        "<a>&undefined;</a>",
        "<a>",
        "<a/><b/>",
        '<a x="1" x="2"/>',
        "<a>\ud800</a>",
        "",
    ],
)
def test_refuses_files_that_are_no_plain_utf8_xml(dialect: Dialect, text: str) -> None:
    with pytest.raises(DialectError):
        dialect.parse(text)


@each
def test_deep_nesting_is_read_without_recursion(dialect: Dialect) -> None:
    depth = 20_000
    text = EMPTY[dialect.name].replace("\n", "<a>" * depth + "</a>" * depth, 1)
    assert dialect.parse(text) == {}


def test_first_definition_of_an_attribute_wins_in_document_order() -> None:
    text = "<A x='1'><B y=\"2\" x='3'><C z='4'/></B><D z='5'/></A>"
    assert ATTRIBUTES.parse(text) == {"x": "1", "y": "2", "z": "4"}


def test_last_element_wins_and_empty_clears() -> None:
    text = "<flat-profile><a>1</a><b>2</b><a ua='na'/><g><c>3</c></g></flat-profile>"
    assert ELEMENTS.parse(text) == {"a": "", "b": "2"}


def test_flat_profile_may_stand_in_a_device() -> None:
    text = "<device><x>1</x><flat-profile><a>1</a></flat-profile></device>"
    assert ELEMENTS.parse(text) == {"a": "1"}


@pytest.mark.parametrize("text", ["<profile><a>1</a></profile>", "<device><a>1</a></device>"])
def test_refuses_a_file_without_flat_profile(text: str) -> None:
    with pytest.raises(DialectError, match="flat-profile"):
        ELEMENTS.parse(text)


def test_reads_numbered_values_and_items_by_version() -> None:
    text = (
        "<gs_provision version='1'><mac>000b82aabbcc</mac>"
        "<config version='1'><P2>a</P2><P2>b</P2><item name='x.y'>no</item><note>n</note></config>"
        "<config version='2'><item name='account.1'><part name='enable'>Yes</part></item>"
        "<item name='language.gui'>de</item><P3>no</P3></config></gs_provision>"
    )
    assert PVALUES.parse(text) == {"P2": "b", "account.1.enable": "Yes", "language.gui": "de"}


@pytest.mark.parametrize(
    "text", ["<config/>", "<gs_provision><mac>00:0b:82:aa:bb:cc</mac></gs_provision>"]
)
def test_refuses_what_the_phone_would_reject(text: str) -> None:
    with pytest.raises(DialectError):
        PVALUES.parse(text)


def existing(dialect: Dialect, values: list[tuple[str, str]]) -> str:
    """A file with these definitions in this order, one a line, repeated keys included."""
    if dialect is ATTRIBUTES:
        lines = "".join(f'  <S{i} {k}="{dialect_text(v)}"/>\n' for i, (k, v) in enumerate(values))
        return f"<A>\n{lines}</A>\n"
    lines = "".join(f"  <{k}>{dialect_text(v)}</{k}>\n" for k, v in values)
    if dialect is ELEMENTS:
        return f"<flat-profile>\n{lines}</flat-profile>\n"
    return f'<gs_provision>\n<config version="1">\n{lines}</config>\n</gs_provision>\n'


def dialect_text(value: str) -> str:
    return rendered(ATTRIBUTES, value, "{{ value }}")


@each
@given(data=st.data())
@settings(max_examples=60)
def test_merged_settings_win_and_the_others_stay(dialect: Dialect, data: st.DataObject) -> None:
    keys = NAMES if dialect is not PVALUES else st.integers(0, 12).map(lambda n: f"P{n}")
    text = existing(dialect, data.draw(st.lists(st.tuples(keys, CARRIED), max_size=6)))
    merged = data.draw(st.dictionaries(keys, CARRIED, max_size=6))
    before = dialect.parse(text)
    after = dialect.apply(text, merged)
    assert dialect.parse(after) == before | merged
    untouched = [
        line
        for line in text.split("\n")
        if not any(f"<{k}>" in line or f" {k}=" in line for k in merged)
    ]
    lines = iter(after.split("\n"))
    assert all(line in lines for line in untouched)


@each
def test_merging_is_the_same_in_any_order_and_twice(dialect: Dialect) -> None:
    one, two = ("P1", "P2") if dialect is PVALUES else ("one", "two")
    first = dialect.apply(EMPTY[dialect.name], {one: "1", two: "2"})
    assert dialect.apply(EMPTY[dialect.name], {two: "2", one: "1"}) == first
    assert dialect.apply(first, {one: "1", two: "2"}) == first
    assert dialect.apply(first, {}) == first


@pytest.mark.parametrize(
    ("dialect", "before", "after"),
    [
        (ATTRIBUTES, '<A\n  x="1"\n  y="2"\n/>', '<A\n  x="&lt;"\n  y="2"\n/>'),
        (ATTRIBUTES, "<A\n><B x = '>'/></A>", '<A\n><B x = "&lt;"/></A>'),
        (
            ATTRIBUTES,
            '<A x="1"><!-- x="0" --><B x="2"/></A>',
            '<A x="&lt;"><!-- x="0" --><B x="2"/></A>',
        ),
        (ATTRIBUTES, "<A/>", '<A>\n  <SETTING x="&lt;"/>\n</A>'),
        (ATTRIBUTES, "<A>\n  <B/>\n</A>\n", '<A>\n  <SETTING x="&lt;"/>\n  <B/>\n</A>\n'),
        (
            ELEMENTS,
            "<flat-profile>\n  <x ua='na'>1</x>\n  <x ua='na'/>\n</flat-profile>",
            "<flat-profile>\n  <x ua='na'>1</x>\n  <x ua='na'>&lt;</x>\n</flat-profile>",
        ),
        (ELEMENTS, "<flat-profile/>", "<flat-profile>\n  <x>&lt;</x>\n</flat-profile>"),
        (
            ELEMENTS,
            "<device>\n  <flat-profile></flat-profile>\n</device>",
            "<device>\n  <flat-profile>\n    <x>&lt;</x>\n  </flat-profile>\n</device>",
        ),
    ],
)
def test_merging_touches_only_the_value(dialect: Dialect, before: str, after: str) -> None:
    assert dialect.apply(before, {"x": "<"}) == after


def test_alias_is_replaced_and_added_in_the_second_version() -> None:
    text = (
        '<gs_provision>\n  <config version="2">\n'
        '    <item name="a.b">1</item>\n  </config>\n</gs_provision>'
    )
    after = PVALUES.apply(text, {"a.b": "2", "a.c": "3"})
    assert after == text.replace(">1<", ">2<").replace(
        "  </config>", '    <item name="a.c">3</item>\n  </config>'
    )


@pytest.mark.parametrize(
    ("dialect", "key"),
    [
        (ATTRIBUTES, "a b"),
        (ATTRIBUTES, 'a="1" b'),
        (ATTRIBUTES, "1a"),
        (ATTRIBUTES, ""),
        (ELEMENTS, "a><b"),
        (ELEMENTS, "a:b"),
        (ELEMENTS, "flat profile"),
        (PVALUES, "Px"),
        (PVALUES, "P1 "),
        (PVALUES, "a.b"),
        (PVALUES, 'a.b" x="'),
    ],
)
def test_unusable_key_is_refused_by_name(dialect: Dialect, key: str) -> None:
    with pytest.raises(DialectError) as caught:
        dialect.apply(EMPTY[dialect.name], {key: "1"})
    if key != "a.b":
        assert repr(key) in str(caught.value)


@each
def test_merging_into_a_broken_file_is_refused(dialect: Dialect) -> None:
    with pytest.raises(DialectError):
        dialect.apply("<a", {KEY[dialect.name]: "1"})
