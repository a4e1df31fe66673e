"""Fault pages from docstrings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.diagnosis.pages import (
    fault_pages,
    page_parts,
    render_index,
    render_page,
    render_symptoms,
)
from offhook.diagnosis.rules import rules

PAGE = (
    "First line.\n\nWhat you see: this,\nand that.\n\nmore.\n\nWhy: because.\n\nWhat to do: mend."
)


def test_docstring_is_split_into_its_parts() -> None:
    assert page_parts(PAGE) == (
        "First line.",
        {"What you see": "This, and that.\n\nmore.", "Why": "Because.", "What to do": "Mend."},
    )


@pytest.mark.parametrize(
    "page",
    [
        "",
        "First.",
        PAGE.replace("Why: ", "How: "),
        PAGE.replace("Why: because", "What you see: b"),
        PAGE.replace("mend.", " "),
        PAGE.removeprefix("First line."),
    ],
)
def test_page_that_lacks_a_part_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="needs the parts"):
        page_parts(page)


def test_page_prints_texts_with_named_gaps_and_an_example() -> None:
    page = render_page(rules()["P302"])
    assert "unknown phone <mac> is close to registered device <near>" in page
    assert "Of 02:AC:CE:7F:4E:10:" in page


def test_index_has_a_section_per_first_digit() -> None:
    index = render_index(rules())
    assert "## P1: configuration" in index
    assert "## P8: transport and access" in index
    assert "(P301.md)" in index
    assert "## P9: network and discovery" in index


def test_folder_is_the_index_and_a_page_for_each_rule() -> None:
    one = {"P101": replace(rules()["P101"])}
    assert set(fault_pages(one)) == {"README.md", "by-symptom.md", "P101.md"}


def test_every_fault_is_found_by_what_a_person_sees() -> None:
    index = render_symptoms(rules())
    for code in rules():
        assert f"({code}.md)" in index, code
    assert "## The phone never asks this server" in index
