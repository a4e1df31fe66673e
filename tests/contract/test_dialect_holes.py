"""What a dialect lets into a hole of a text never changes how the rest of it is read or merged."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from markupsafe import escape

from offhook.core.dialect import Dialect, DialectError
from offhook.vendors._dialects.keyvalue import HEADER, KEYVALUE
from offhook.vendors._dialects.xml_attributes import XmlAttributes
from offhook.vendors._dialects.xml_elements import XmlElements
from offhook.vendors._dialects.xml_pvalues import XmlPValues

MARK = "\U000f0000"
DIALECTS: tuple[Dialect, ...] = (KEYVALUE, XmlAttributes(), XmlElements(), XmlPValues())
IN_XML = (
    "x",
    "]]",
    ">",
    "]",
    "-",
    "<!-- ? -->",
    "<!--?-->",
    "<!---?-->",
    "&amp;",
    "&",
    "<![CDATA[?]]>",
)
PIECES: Mapping[str, tuple[str, ...]] = {
    "keyvalue": ("\n", "a", " = ", "#", " ", "b = ?", "# ?\n", "c=1\n", "%NULL%", "\r", "="),
    "xml-attributes": (*IN_XML, ' a="?"', ' b="?&amp;"', "<c a='?'/>", "<d", ">", "/>", "?", "\n"),
    "xml-elements": (*IN_XML, "<a>?</a>", "<b x='?'>", "</b>", "<c/>", "?", "\n", "<a>?>", "</a>"),
    "xml-pvalues": (
        *(*IN_XML, "<P1>?</P1>", "<P2>?</P2>", "<mac>?</mac>", "<mac>00?</mac>", "</config>", "?"),
        *('<config version="2">', '<item name="a.b">?</item>', '<item name="?">x</item>', "\n"),
    ),
}
AROUND: Mapping[str, tuple[str, str]] = {
    "keyvalue": (HEADER + "\n", ""),
    "xml-attributes": ("<r>\n<s", "/></r>"),
    "xml-elements": ("<device>\n<flat-profile>", "</flat-profile></device>"),
    "xml-pvalues": ('<gs_provision><config version="1">', "</config></gs_provision>"),
}
SETTINGS: Mapping[str, tuple[dict[str, str], ...]] = {
    "keyvalue": ({}, {"b": "new"}, {"a": "", "z": "new"}),
    "xml-attributes": ({}, {"a": "new"}, {"a": "1", "zz": "&"}),
    "xml-elements": ({}, {"a": "new"}, {"c": "1", "zz": "&"}),
    "xml-pvalues": ({}, {"P1": "new"}, {"P9": "1", "a.b": "2", "c.d": "3"}),
}
values = st.one_of(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12),
    st.sampled_from(("", "]]", "]", ">", "-", "--", "#", "=", "000bea85ed68", "&", "<x>", "a b")),
)


def with_marks(text: str) -> tuple[str, list[str]]:
    marks = [chr(ord(MARK) + index) for index in range(text.count("?"))]
    left = iter(marks)
    return re.sub(r"\?", lambda _: next(left), text), marks


def written(dialect: Dialect, value: str) -> str:
    text = dialect.escape(value)
    return str(escape(text)) if dialect.is_xml else text


def filled(text: str, values_of: Mapping[str, str]) -> str:
    return re.sub("[\U000f0000-\U000ff000]", lambda found: values_of[found.group()], text)


def escaped_values(
    dialect: Dialect, data: st.DataObject, limits: Mapping[str, re.Pattern[str] | None]
) -> dict[str, str]:
    """Values as they are written, of those that may stand in the holes."""
    escaped = {}
    for mark, limit in limits.items():
        try:
            escaped[mark] = written(dialect, data.draw(values))
        except DialectError:
            reject()
        assume(limit is None or limit.fullmatch(escaped[mark]))
    return escaped


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda it: it.name)
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_values_in_holes_leave_the_rest_alone(dialect: Dialect, data: st.DataObject) -> None:
    before, after = AROUND[dialect.name]
    pieces = data.draw(st.lists(st.sampled_from(PIECES[dialect.name]), max_size=7))
    text, marks = with_marks(before + "".join(pieces) + after)
    try:
        limits = dialect.limits(text, marks)
    except DialectError:
        reject()
    assume(limits is not None)
    assert limits is not None
    assert limits.keys() == set(marks)
    escaped = escaped_values(dialect, data, limits)
    read = dialect.parse(filled(text, escaped))
    if not any(limits.values()):
        assert read.keys() <= dialect.parse(text).keys()
    for free in SETTINGS[dialect.name]:
        try:
            merged = filled(dialect.apply(text, free), escaped)
        except DialectError:
            merged = ""
        try:
            assert dialect.apply(filled(text, escaped), free) == merged
        except DialectError:
            assert merged == ""


def test_the_characters_refused_are_those_that_end_lines_or_cannot_be_sent() -> None:
    for number in range(sys.maxunicode + 1):
        is_bad = unicodedata.category(chr(number)) in ("Cc", "Cs", "Zl", "Zp")
        try:
            KEYVALUE.escape(f"a{chr(number)}b")
        except DialectError:
            assert is_bad
        else:
            assert not is_bad


@pytest.mark.parametrize("dialect", DIALECTS[1:], ids=lambda it: it.name)
def test_every_character_that_is_not_refused_is_well_formed(dialect: Dialect) -> None:
    carried = []
    for number in range(sys.maxunicode + 1):
        try:
            carried.append(str(escape(dialect.escape(chr(number)))))
        except DialectError:
            continue
    before, after = AROUND[dialect.name]
    text = "".join(carried)
    inside = f' a="{text}"' if dialect.name == "xml-attributes" else f"<P1>{text}</P1>"
    assert dialect.parse(before + inside + after)
