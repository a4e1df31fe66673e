"""A file of people: read whole, or refused with the place and the mend."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.actions.directory_ports import DirectoryError
from offhook.core.directory import DirectoryPolicy, DirectoryRead, Person, PersonProblem
from offhook.core.directory_plan import plan
from offhook.core.directory_values import to_people
from offhook.diagnosis.rules import fault
from offhook.directory.file import FileDirectory
from offhook.directory.file_rows import RowsError, parse_rows

POLICY = DirectoryPolicy(
    name_formats=("{name}",), number_attributes=("number",), email_attribute="email"
)
HEADER = "login,name,number,email,enabled\n"
ADA = "ada,Ada Lovelace,1001,ada@example.test,yes\n"
BOB = "bob,Bob,1002,,no\n"


def written(tmp_path: Path, content: str | bytes, name: str = "people.csv") -> FileDirectory:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return FileDirectory(path)


async def read(source: FileDirectory) -> DirectoryRead:
    return await source.read(lambda _doing, _count: None)


async def people(source: FileDirectory) -> dict[str, Person]:
    found, problems = to_people((await read(source)).entries, POLICY)
    assert problems == ()
    return {person.login: person for person in found}


async def refused(source: FileDirectory) -> DirectoryError:
    with pytest.raises(DirectoryError) as caught:
        await read(source)
    error = caught.value
    assert fault(error.code).finding("file", **error.values).message.isprintable()
    return error


async def problem(source: FileDirectory) -> str:
    error = await refused(source)
    assert error.code == "P507"
    return str(error.values["problem"])


async def test_csv_becomes_people(tmp_path: Path) -> None:
    found = await people(written(tmp_path, HEADER + ADA + BOB))
    ada, bob = found["ada"], found["bob"]
    assert (ada.name, ada.number, ada.email, ada.is_enabled) == (
        "Ada Lovelace",
        "1001",
        "ada@example.test",
        True,
    )
    assert (bob.email, bob.is_enabled) == ("", False)


@pytest.mark.parametrize(
    "content",
    [
        HEADER + ADA,
        "\ufeff" + HEADER + ADA,
        (HEADER + ADA).replace(",", ";"),
        (HEADER + ADA).replace(",", "\t"),
        (HEADER + ADA).replace("\n", "\r\n"),
        "\n\n" + HEADER + "\n" + ADA + "\n,,,,\n",
        'Login , NAME,"number",email,Enabled\n"ada"," Ada Lovelace ",1001,ada@example.test,TRUE\n',
        "email,enabled,number,name,login\nada@example.test,,1001,Ada Lovelace,ada\n",
    ],
)
async def test_every_usual_spelling_of_csv_is_the_same(tmp_path: Path, content: str) -> None:
    usual = await people(written(tmp_path, HEADER + ADA))
    assert await people(written(tmp_path, content, "other.csv")) == usual


async def test_json_is_the_same_as_csv(tmp_path: Path) -> None:
    rows = [
        {"Login": "ada", "name": "Ada Lovelace", "number": 1001, "email": "ada@example.test"},
        {"login": "bob", "name": "Bob", "number": "1002", "email": None, "enabled": False},
    ]
    from_json = await people(written(tmp_path, "\ufeff " + json.dumps(rows), "people.json"))
    assert from_json == await people(written(tmp_path, HEADER + ADA + BOB))


async def test_separators_and_line_breaks_may_stand_in_quotes(tmp_path: Path) -> None:
    rows = 'ada,"Lovelace, ""Ada""\nCountess",1001,,\nbob,Bob,1002,,perhaps\n'
    assert "line 4 has enabled 'perhaps'" in await problem(written(tmp_path, HEADER + rows))
    rows = rows.replace("perhaps", "on")
    found = await people(written(tmp_path, HEADER + rows))
    assert found["ada"].name == 'Lovelace, "Ada" Countess'


async def test_person_is_known_by_id_whatever_else_changes(tmp_path: Path) -> None:
    header = "id,login,name,number\n"
    [old] = (await read(written(tmp_path, f"{header}E-17,ada,Ada,1001\n"))).entries
    [new] = (await read(written(tmp_path, f"{header}e-17 ,ada.king,Ada King,1002\n"))).entries
    assert old.guid == new.guid
    path = tmp_path / "people.csv"
    [other] = (await read(FileDirectory(path, name="branch"))).entries
    assert other.guid != new.guid


async def test_file_says_who_served_and_what_it_did_not_understand(tmp_path: Path) -> None:
    found = await read(written(tmp_path, "id,name,number,emial,\n1,Ada,1001,a@b,\n"))
    assert (found.server, found.invocation_id) == (str(tmp_path / "people.csv"), "")
    [warning] = found.warnings
    assert warning.startswith("columns without a meaning here: 'emial'; known: id, login")


async def test_json_may_hold_more_than_is_used(tmp_path: Path) -> None:
    rows = [{"id": 7, "name": "Ada", "number": "1001", "tags": ["x"], "size": 1.5}]
    found = await read(written(tmp_path, json.dumps(rows)))
    assert "'size', 'tags'" in found.warnings[0]


async def test_number_that_is_none_is_that_persons_problem_only(tmp_path: Path) -> None:
    entries = (await read(written(tmp_path, HEADER + "x,X,call me,,\n" + ADA))).entries
    found, problems = to_people(entries, POLICY)
    assert [person.login for person in found] == ["ada"]
    assert [(it.login, it.fault) for it in problems] == [("x", "P509")]


async def test_half_a_character_in_json_is_that_persons_problem_only(tmp_path: Path) -> None:
    text = '[{"id": "x", "name": "\\ud83d", "number": ""}]'
    [entry] = (await read(written(tmp_path, text))).entries
    _, [found] = to_people([entry], POLICY)
    assert isinstance(found, PersonProblem)
    assert found.fault == "P510"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty; its first line names the columns: id or login, name, number"),
        ("\n \n", "the file is empty"),
        ("name,number\nAda,1001\n", "line 1 has no column id (or login)"),
        ("id;phone\n1;2\n", "line 1 has no column name, number"),
        ("id,name,Name,number\n", "line 1 names the column 'name' twice"),
        (HEADER + "ada,Ada\n", "line 2 has 2 cells and the header 5"),
        (HEADER + ADA + "ada,Lovelace, Ada,1001,,\n", "line 3 has 6 cells and the header 5"),
        (HEADER + ADA + 'bob,"Bob,1002,,\n', "line 3 is no CSV: unexpected end of data"),
        (HEADER + f"ada,{'x' * 200_000},1,,\n", "line 2 is no CSV: field larger"),
        (HEADER + ",Nobody,1009,,\n", "line 2 has no id"),
        (HEADER + ADA + "\nADA,Other,1002,,\n", "line 4 has the id 'ADA' of line 2"),
        (HEADER + "ada,Ada,1,,maybe\n", "line 2 has enabled 'maybe'; write yes or no"),
        ((HEADER + ADA).encode() + b"bob,B\xe9b,1,,\n", "line 3 is not UTF-8"),
        ((HEADER + ADA).encode("utf-16"), "line 1 is not UTF-8; save the file as CSV UTF-8"),
        ("{}", "the file is no JSON list"),
        ("[1]", "entry 1 is no object"),
        ('[{"id": "1", "name": "Ada"}]', "entry 1 has no 'number'"),
        ('[\n{"id": "1",]', "line 2 is no JSON"),
        ('[{"id": "1", "Id": "2"}]', "an entry names 'id' twice"),
        ('[{"id": "1", "name": "A", "number": NaN}]', "NaN is no value of JSON"),
        ('[{"id": "1", "name": "A", "number": 1.5}]', "entry 1 has a float as 'number'"),
        ('[{"id": "1", "name": ["A"], "number": ""}]', "entry 1 has a list as 'name'"),
        ('[{"name": "A", "number": ""}]', "entry 1 has no id"),
        ("[" * 200_000, "the file is no JSON that can be read"),
        ('[{"id": ' + "9" * 10_000 + "}]", "the file is no JSON that can be read"),
    ],
)
async def test_file_that_cannot_be_used_is_refused_with_its_place(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    found = await problem(written(tmp_path, content))
    assert found.startswith(f"people.csv: {words}")
    assert len(found) < 300


async def test_hostile_cells_are_shown_escaped_and_cut(tmp_path: Path) -> None:
    found = await problem(written(tmp_path, HEADER + f"ada,Ada,1,,\x1b[2J{'x' * 5000}\n"))
    assert found.isprintable()
    assert len(found) < 200


async def test_file_that_is_not_there_is_unreachable(tmp_path: Path) -> None:
    error = await refused(FileDirectory(tmp_path / "nothing.csv"))
    assert error.code == "P501"
    assert error.values["problem"] == "no such file or directory"
    error = await refused(FileDirectory(tmp_path))
    assert error.values["problem"] == "it is no ordinary file"


async def test_pipe_does_not_hang_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    error = await refused(FileDirectory(tmp_path / "pipe"))
    assert (error.code, error.values["problem"]) == ("P501", "it is no ordinary file")


async def test_slow_disk_ends_within_the_deadline(tmp_path: Path) -> None:
    source = FileDirectory(written(tmp_path, HEADER + ADA)._path, timeout_s=0)
    error = await refused(source)
    assert (error.code, error.values["problem"]) == ("P501", "not read within 0 s")


async def test_size_and_number_of_people_are_capped(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + ADA + BOB)._path
    assert "larger than 20 bytes" in await problem(FileDirectory(path, max_bytes=20))
    assert "more than 1 people" in await problem(FileDirectory(path, max_people=1))


async def test_file_written_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path, HEADER + ADA)
    path = tmp_path / "people.csv"
    real_stat, calls = Path.stat, []

    def stat_then_append(self: Path, **how: bool) -> os.stat_result:
        found = real_stat(self, **how)
        if self == path and not calls:
            calls.append(self)
            path.write_bytes((HEADER + ADA + BOB).encode())
        return found

    monkeypatch.setattr(Path, "stat", stat_then_append)
    assert "was written meanwhile" in await problem(source)


async def test_progress_is_told_from_the_loop(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    await written(tmp_path, HEADER + ADA + BOB).read(lambda *it: told.append(it))
    assert told == [("reading", 0), ("reading", 2)]


async def test_test_counts_and_shows_the_first_people(tmp_path: Path) -> None:
    rows = "".join(f"p{place},Person {place},10{place:02},,\n" for place in range(8))
    found = await written(tmp_path, HEADER + rows).test()
    assert (found.count, found.certificate_ends) == (8, None)
    assert found.people == tuple((f"p{place}", f"Person {place}") for place in range(5))


async def test_nobody_absent_from_a_file_is_still_there(tmp_path: Path) -> None:
    assert await written(tmp_path, HEADER).still_there(["a", "b"]) == {"a": False, "b": False}


async def test_same_planner_as_for_a_directory_server(tmp_path: Path) -> None:
    found = await read(written(tmp_path, HEADER + ADA + BOB))
    usable, problems = to_people(found.entries, POLICY)
    made = plan(
        usable,
        problems,
        {},
        {},
        POLICY,
        datetime(2026, 1, 5, tzinfo=UTC),
        source="file",
        invocation_id=found.invocation_id,
        still_there={},
    )
    assert [(step.login, step.number) for step in made.steps] == [("ada", "1001")]
    assert made.counts["ignored"] == 1


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(lambda text: (HEADER + text).encode("utf-8")),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.dictionaries(st.sampled_from(["id", "name", "number", "x"]), inner),
            ),
            max_leaves=8,
        ).map(lambda value: json.dumps([value]).encode()),
    )
)
def test_any_bytes_give_rows_or_a_named_problem(data: bytes) -> None:
    try:
        rows, told = parse_rows(data).rows, ""
    except RowsError as error:
        rows, told = (), str(error)
    assert len(told) < 400
    assert all(cell == cell.strip() for row in rows for cell in row.cells.values())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=12)] * 2),
        max_size=6,
    )
)
def test_written_csv_is_read_back(rows: list[tuple[str, str]]) -> None:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [f"p{place};{cell(a)};{cell(b)}\r\n" for place, (a, b) in enumerate(rows)]
    found = parse_rows(("id;name;number\r\n" + "".join(lines)).encode("utf-8"))
    assert [(row.cells["name"], row.cells["number"]) for row in found.rows] == [
        (a.strip(), b.strip()) for a, b in rows
    ]
