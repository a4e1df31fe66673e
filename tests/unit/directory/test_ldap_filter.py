"""Filters of an administrator."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.directory.ldap_filter import escape_filter_value, normal_filter
from offhook.directory.ldap_session import ldap3


def encoded(text: str) -> bytes:
    """The request as ldap3 would send it."""
    request = ldap3.operation.search.search_operation(
        "", text, 2, 0, ["cn"], 0, 0, False, False, True, None, None, False
    )
    return bytes(ldap3.utils.asn1.encode(request))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(cn=*)",
        "(cn=)",
        "(cn=Babs Jensen)",
        "(!(cn=Tim Howes))",
        "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
        "(o=univ*of*mich*)",
        "(seeAlso=)",
        "(cn:caseExactMatch:=Fred Flintstone)",
        "(cn:=Betty Rubble)",
        "(sn:dn:2.4.6.8.10:=Barney Rubble)",
        "(o:dn:=Ace Industry)",
        "(:1.2.3:=Wilma Flintstone)",
        "(:DN:2.4.6.8.10:=Dino)".replace("DN", "dn"),
        r"(o=Parens R Us \28for all your parenthetical needs\29)",
        r"(cn=*\2A*)",
        r"(bin=\00\00\00\04)",
        r"(sn=Lu\c4\8di\c4\87)",
        "(1.3.6.1.4.1.1466.0=x)",
        "(department=R&D)",
        "(whenCreated>=20250101000000.0Z)",
        "(sn~=Jensen)",
        "(cn;lang-de=Müller)",
        "(memberOf:1.2.840.113556.1.4.1941:=CN=a\\2c b,DC=x)",
    ],
)
def test_valid_filters_stay_as_they_are(text: str) -> None:
    assert normal_filter(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "cn=a",
        "(cn=a",
        "(cn=a))",
        "(cn=a)(sn=b)",
        "(cn)",
        "()",
        "(&)",
        "(!)",
        "(!(a=b)(c=d))",
        "(=a)",
        "(c n=a)",
        "(cn=a(b)",
        "(cn=a\\b)",
        "(cn=a\\2)",
        "(cn=a\0b)",
        "(cn=**)",
        "(cn=a**b)",
        "(sn>=a*)",
        "(:dn:=x)x",
        "(::=x)",
        "(&(a=b)",
        "(objectClass=*)) (|(cn=*)",
        "(!" * 40 + "(a=b)" + ")" * 40,
    ],
)
def test_wrong_filters_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is wrong at character"):
        normal_filter(text)


def test_blanks_between_parts_go_and_blanks_of_values_stay() -> None:
    text = " (& (cn= a b )\n  (| (sn=c) (sn=\td) ) ) "
    assert normal_filter(text) == "(&(cn=\\20a b\\20)(|(sn=c)(sn=\\09d)))"


VALUES = st.text(st.characters(codec="utf-8"), max_size=8)
ITEMS = st.tuples(
    st.sampled_from(["cn", "x-1;lang-de", "1.2.3"]),
    st.sampled_from(["=", "~=", ">=", "<=", ":=", ":dn:=", ":1.2.3:="]),
    VALUES.map(escape_filter_value),
).map(lambda item: f"({''.join(item)})")
FILTERS = st.recursive(
    ITEMS,
    lambda inner: st.one_of(
        inner.map(lambda text: f"(!{text})"),
        st.tuples(st.sampled_from("&|"), st.lists(inner, min_size=1, max_size=3)).map(
            lambda pair: f"({pair[0]}{' '.join(pair[1])})"
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(FILTERS)
def test_every_accepted_filter_can_be_sent(text: str) -> None:
    normal = normal_filter(text)
    assert normal_filter(normal) == normal
    assert encoded(normal)


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_escaped_value_arrives_unchanged(value: str) -> None:
    assert value.encode() in encoded(normal_filter(f"(cn={escape_filter_value(value)})"))


@settings(max_examples=300)
@given(st.text(st.sampled_from("()&|!=*\\ :~<>a1;\0"), max_size=20))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    try:
        normal = normal_filter(text)
    except ValueError:
        return
    assert normal_filter(normal) == normal
