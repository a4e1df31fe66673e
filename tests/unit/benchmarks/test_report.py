import pytest
from benchmarks.report import Row, missing, replaced_between, table


def row(**more: object) -> Row:
    fields: dict[str, object] = {
        "name": "fetch.close",
        "what": "files",
        "ours": "9/s",
        "limit": "10/s",
        "ratio": 0.9,
        "by": "cost",
    }
    return Row(**{**fields, **more})  # type: ignore[arg-type] # a row of words


def test_a_row_says_figure_limit_and_ratio() -> None:
    assert table([row().told()]).splitlines()[-1] == (
        "| `fetch.close` | files | 9/s | 10/s | **0.90** cost |  |"
    )


def test_a_wrong_answer_disqualifies() -> None:
    assert "**disqualified** (9/s)" in table([row(is_right=False).told()])


def test_what_is_missing_stands_in_its_row() -> None:
    text = table([missing("tls", "files", "nginx is missing: apt install nginx-light").told()])
    assert "not measured" in text
    assert "apt install nginx-light" in text


def test_a_bar_in_a_text_breaks_no_table() -> None:
    assert "a \\| b" in table([row(notes="a | b").told()])


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = "above\n<!-- x: begin -->\nold\n<!-- x: end -->\nbelow\n"
    found = replaced_between(page, "x", "new\n")
    assert found == "above\n<!-- x: begin -->\nnew\n<!-- x: end -->\nbelow\n"
    assert replaced_between(found, "x", "new") == found


def test_a_page_without_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no markers"):
        replaced_between("text", "x", "new")
