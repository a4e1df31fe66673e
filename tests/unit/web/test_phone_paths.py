"""Paths as phones send them: decoded once, never an error but the named one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.web.phones import PATH_MAX, UnusablePathError, is_phone_path, read_path


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (b"/provision/a.cfg", "a.cfg"),
        (b"//provision//a.cfg", "a.cfg"),
        (b"/provision/%24mac.cfg/a.cfg", "$mac.cfg/a.cfg"),
        (b"/provision/%2524", "%24"),
        (b"/provision/%c3%bc", "ü"),
        (b"/provision/%fc", "ü"),
        (b"/provision/%zz%", "%zz%"),
        (b"/provision", ""),
        (b"/provision/%2e%2e/x", "../x"),
    ],
)
def test_path_is_decoded_once(raw: bytes, path: str) -> None:
    assert is_phone_path(raw)
    assert read_path(raw, b"") == path


@pytest.mark.parametrize("raw", [b"/provisioning/x", b"/Provision/x", b"/x/provision/y", b"*", b""])
def test_other_paths_are_not_for_phones(raw: bytes) -> None:
    assert not is_phone_path(raw)


@pytest.mark.parametrize("character", ["%00", "%0a", "%0D", "%1f", "%7F", "%09"])
def test_control_characters_are_refused(character: str) -> None:
    with pytest.raises(UnusablePathError) as refused:
        read_path(b"/provision/a" + character.encode() + b"b", b"")
    assert refused.value.status == 400


@pytest.mark.parametrize(("size", "query"), [(PATH_MAX + 1, 0), (20, 1025)])
def test_too_long_is_refused(size: int, query: int) -> None:
    with pytest.raises(UnusablePathError) as refused:
        read_path(b"/provision/".ljust(size, b"a"), b"q" * query)
    assert refused.value.status == 414


@given(st.binary(max_size=1100))
def test_any_bytes_give_a_text_or_the_one_error(tail: bytes) -> None:
    try:
        path = read_path(b"/provision/" + tail, b"")
    except UnusablePathError:
        return
    path.encode("utf-8")
    assert all(character.isprintable() or character > "\x7f" for character in path)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=80))
def test_a_quoted_name_comes_back(name: str) -> None:
    assert read_path(b"/provision/" + quote(name, safe="").encode(), b"") == name.lstrip("/")
