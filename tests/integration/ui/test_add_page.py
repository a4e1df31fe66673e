"""The page that adds phones: one by a form, many from a table after a verdict on each row."""

from __future__ import annotations

import re

import httpx
import pytest

from offhook.core.mac import Mac
from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn

HOSTILE = "<script>alert(1)</script>"
ONE = {
    "mac": "00:15:65:12:34:56",
    "model": "yealink/t46s",
    "extension": "1001",
    "name": "Ada Byron",
    "label": "",
}
TABLE = """\
mac;extension;name;vendor;model;label
001565000001;1001;Ada Byron;yealink;t46s;
00:15:65:00:00:02;1002;Grace Hopper;Yealink;SIP-T46S;Desk
nonsense;1003;Nobody;yealink;t46s;
001565000001;1004;Twice;yealink;t46s;
000B82000003;1002;;grandstream;gxp2170;
001565000004;1009;;yealink;t46s;
001565000005;1010;Someone;acme;x1;
"""


async def _look(signed_in: SignedIn, table: str) -> httpx.Response:
    return await signed_in.post("/add/table", {"table": table})


async def _write(signed_in: SignedIn, table: str, looked: httpx.Response) -> httpx.Response:
    mark = re.search(r'name="mark" value="([^"]*)"', looked.text)
    assert mark is not None
    return await signed_in.post("/add/table/do", {"table": table, "mark": mark[1]})


async def test_adds_one_phone_with_a_new_extension(running: Running, signed_in: SignedIn) -> None:
    answer = await signed_in.post("/add/one", ONE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/phones/001565123456")
    assert running.services.state.extensions["1001"].name == "Ada Byron"


async def test_refused_phone_keeps_what_was_typed(running: Running, signed_in: SignedIn) -> None:
    answer = await signed_in.post("/add/one", {**ONE, "mac": "00:15", "name": HOSTILE})
    assert answer.status_code == 400
    assert "is not a MAC address" in answer.text
    assert 'value="00:15"' in answer.text
    assert 'value="1001"' in answer.text
    assert "<script>alert" not in answer.text
    assert not running.services.state.extensions


async def test_phone_that_is_registered_is_not_replaced(
    running: Running, signed_in: SignedIn
) -> None:
    await signed_in.post("/add/one", ONE)
    answer = await signed_in.post("/add/one", {**ONE, "extension": "2002", "name": "Other"})
    assert answer.status_code == 409
    assert "is registered already" in answer.text
    assert "2002" not in running.services.state.extensions


async def test_preview_of_one_saves_nothing(running: Running, signed_in: SignedIn) -> None:
    answer = await signed_in.post("/add/one/preview", ONE)
    assert "Nothing was saved yet" in answer.text
    assert "001565123456.cfg" in answer.text
    assert not running.services.state.devices


async def test_extensions_are_found_by_number_and_name(
    running: Running, signed_in: SignedIn
) -> None:
    for number, name in (("1001", "Ada Byron"), ("1002", HOSTILE), ("2001", "Grace Hopper")):
        await running.services.extensions.add_extension("test", number=number, name=name)
    by_name = (await signed_in.get("/add/extensions?extension=hop")).text
    assert "2001" in by_name
    assert "1001" not in by_name
    by_number = (await signed_in.get("/add/extensions?extension=10")).text
    assert "1001" in by_number
    assert "<script>" not in by_number
    assert "1001 is Ada Byron" in (await signed_in.get("/add/extensions?extension=1001")).text
    assert "with a name it is made" in (await signed_in.get("/add/extensions?extension=77")).text


async def test_table_gets_a_verdict_on_each_row_before_anything_is_written(
    running: Running, signed_in: SignedIn
) -> None:
    answer = await _look(signed_in, TABLE)
    assert answer.status_code == 200
    for told in (
        "3 phones to be written",
        "is not a MAC address",
        "is in row 2 already",
        "extension 1009 does not exist",
        "on 00:15:65:00:00:02 too: both will ring",
        "acme",
    ):
        assert told in answer.text
    assert answer.text.count("cannot be used") >= 4
    assert not running.services.state.devices
    assert not running.services.state.extensions


async def test_confirmed_table_is_written_at_once(running: Running, signed_in: SignedIn) -> None:
    answer = await _write(signed_in, TABLE, await _look(signed_in, TABLE))
    assert "3 phones added" in answer.text
    assert "4 rows were left out" in answer.text
    state = running.services.state
    assert {mac.plain for mac in state.devices} == {"001565000001", "001565000002", "000b82000003"}
    assert state.devices[Mac(0x001565000002)].lines[0].label == "Desk"
    assert set(state.extensions) == {"1001", "1002"}


async def test_table_is_looked_at_again_when_something_changed(
    running: Running, signed_in: SignedIn
) -> None:
    looked = await _look(signed_in, TABLE)
    await signed_in.post("/add/one", {**ONE, "mac": "001565000001", "extension": "5000"})
    answer = await _write(signed_in, TABLE, looked)
    assert answer.status_code == 409
    assert "something was changed since" in answer.text
    assert Mac(0x001565000002) not in running.services.state.devices


async def test_registered_phone_is_changed_and_its_other_lines_stay(
    running: Running, signed_in: SignedIn
) -> None:
    first = "mac,extension,name,vendor,model,extension2,name2\n001565000001,1,A,yealink,t46s,2,B\n"
    await _write(signed_in, first, await _look(signed_in, first))
    second = "mac,extension,name\n001565000001,3,C\n"
    looked = await _look(signed_in, second)
    assert "is changed" in looked.text
    await _write(signed_in, second, looked)
    device = running.services.state.devices[Mac(0x001565000001)]
    assert [line.extension for line in device.lines] == ["3", "2"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfmac,extension,name,vendor,model\r\n001565000001,1001,J\xc3\xb6rg,yealink,t46s",
        "mac\textension\tname\tvendor\tmodel\n001565000001\t1001\tJörg\tyealink\tt46s".encode(
            "utf-16"
        ),
        "001565000001;1001;Jörg;yealink;t46s".encode("cp1252"),
        '"001565000001","1001","Jörg","yealink","t46s"\r'.encode(),
    ],
    ids=["utf8-mark", "utf16-tabs", "western-semicolons", "quoted-no-heading"],
)
async def test_reads_files_as_spreadsheets_write_them(signed_in: SignedIn, data: bytes) -> None:
    answer = await signed_in.http.post(
        "/add/table", data={"csrf": signed_in.csrf}, files={"file": ("phones.csv", data)}
    )
    assert "1 phone to be written" in answer.text
    assert "Jörg" in answer.text


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "there is no row"),
        ("mac,extension\n", "a heading and no row"),
        ("extension,name\n1,A\n", "no column is called mac"),
        ("mac,mac\n1,2\n", "is there twice"),
        ("001565000001,1,A\n" * 10_001, "more than 10000 rows"),
    ],
    ids=["empty", "heading-only", "no-mac", "twice", "too-many"],
)
async def test_table_that_cannot_be_read_is_kept_with_the_mend(
    signed_in: SignedIn, table: str, told: str
) -> None:
    answer = await _look(signed_in, table)
    assert answer.status_code in (400, 413)
    assert told in answer.text
    assert table.strip()[:20] in answer.text


async def test_hostile_cells_are_text(running: Running, signed_in: SignedIn) -> None:
    table = (
        f"mac,extension,name,vendor,model,{HOSTILE}\n"
        f"001565000001,1,{HOSTILE},yealink,t46s,x\n"
        f"{HOSTILE},{HOSTILE},</textarea>{HOSTILE},{HOSTILE},{HOSTILE},x\n"
        "001565000002,2,\x00\u202eodd,yealink,t46s,x\n"
    )
    looked = await _look(signed_in, table)
    assert "<script>alert" not in looked.text
    assert "1 phone to be written" in looked.text
    await _write(signed_in, table, looked)
    assert running.services.state.extensions["1"].name == HOSTILE
    assert "2" not in running.services.state.extensions


async def test_warns_of_another_makers_addresses(signed_in: SignedIn) -> None:
    answer = await _look(signed_in, "001565000001,1,A,grandstream,gxp2170\n")
    assert "belong to Yealink" in answer.text


async def test_export_reads_back_and_starts_no_formula(
    running: Running, signed_in: SignedIn
) -> None:
    table = (
        "mac,extension,name,vendor,model,label,extension2,name2\n"
        "001565000001,1,=HYPERLINK(1),yealink,t46s,@home,2,+41 44\n"
        '001565000002,3,"Byron, Ada",yealink,t46s,,,\n'
    )
    await _write(signed_in, table, await _look(signed_in, table))
    answer = await signed_in.get("/add/phones.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="phones.csv"'
    cells = [cell for row in answer.text.splitlines() for cell in row.split(",")]
    assert not [cell for cell in cells if cell.lstrip('"').startswith(("=", "+", "-", "@"))]
    assert "'=HYPERLINK(1)" in answer.text
    again = await _look(signed_in, answer.text)
    assert "2 are as the table says already" in again.text
    assert "0 phones to be written" in again.text


async def test_gives_the_address_and_dhcp_lines_of_a_maker(
    running: Running, signed_in: SignedIn
) -> None:
    text = (await signed_in.get("/add?maker=polycom")).text
    base = running.services.config.base
    for told in (
        f"dhcp-option=160,&#34;{base}&#34;",
        "option tftp-server-name",
        "option-data",
        "/ip dhcp-server option add",
        "Set-DhcpServerv4OptionValue",
        "Provisioning Server",
    ):
        assert told in text


async def test_dollar_of_a_variable_is_kept_from_mikrotik(signed_in: SignedIn) -> None:
    text = (await signed_in.get("/add?maker=cisco")).text
    mikrotik = re.search(r'<pre id="dhcp-mikrotik".*?</pre>', text, re.DOTALL)
    assert mikrotik is not None
    assert "\\$MA.cfg" in mikrotik[0]


async def test_refuses_forms_of_others(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    for path in ("/add/one", "/add/one/preview", "/add/table", "/add/table/do"):
        form = {**ONE, "table": TABLE, "csrf": "0" * 64}
        assert (await signed_in.http.post(path, data=form)).status_code == 403
        assert (await stranger.post(path, data=form)).status_code == 401
    for path in ("/add", "/add/phones.csv", "/add/extensions"):
        assert (await stranger.get(path)).headers["location"].startswith("/sign-in")
    assert not running.services.state.devices
