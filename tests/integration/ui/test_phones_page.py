"""The page of all phones: found, filtered, sorted; many of them acted on after a look."""

from __future__ import annotations

import re

import httpx
import pytest
import pytest_asyncio

from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn
from tests.integration.ui.three_phones import (
    GRANDSTREAM,
    HOSTILE,
    SECOND,
    YEALINK,
    add_three,
    simulated,
)
from tests.world import mac


@pytest_asyncio.fixture(autouse=True)
async def three(running: Running) -> None:
    """Three phones in the inventory."""
    await add_three(running)


def shown(text: str) -> list[str]:
    """The MACs of the table, in order."""
    return re.findall(r'name="mac" value="([0-9a-f]{12})"', text)


def field(text: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, f"no field {name}"
    return found[1]


async def test_without_a_session_one_is_led_to_sign_in(stranger: httpx.AsyncClient) -> None:
    for path in ("/phones", f"/phones/{YEALINK}", "/faults/P401", "/problems/P401"):
        answer = await stranger.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=")
    assert (await stranger.post("/phones/many/do")).status_code == 401


async def test_all_phones_are_listed_by_extension(signed_in: SignedIn) -> None:
    answer = await signed_in.get("/phones")
    assert answer.status_code == 200
    assert shown(answer.text) == [YEALINK, SECOND, GRANDSTREAM]
    assert "Ada Byron" in answer.text
    assert "never fetched" in answer.text


async def test_a_name_with_markup_is_text(signed_in: SignedIn) -> None:
    for path in ("/phones", f"/phones/{SECOND}", f"/phones/{SECOND}/lines"):
        text = (await signed_in.get(path)).text
        assert HOSTILE not in text
        assert "&lt;script&gt;alert(1)" in text or path == f"/phones/{SECOND}"


@pytest.mark.parametrize(
    "words",
    [
        "00:15:65:00:00:02",
        "00-15-65-00-00-02",
        "0015.6500.0002",
        "00 15 65 00 00 02",
        "001565000002",
        "5:00:00:02",
        "000002",
        "1002",
        "ALERT(1)",
        "yealink alert",
    ],
)
async def test_a_phone_is_found_by_what_one_has_of_it(signed_in: SignedIn, words: str) -> None:
    answer = await signed_in.http.get("/phones", params={"q": words})
    assert shown(answer.text) == [SECOND]


async def test_a_phone_is_found_by_its_address(running: Running, signed_in: SignedIn) -> None:
    await simulated(running).fetch_files()
    answer = await signed_in.get("/phones?q=127.0.0.1")
    assert shown(answer.text) == [YEALINK]


async def test_filters_stay_in_the_url_of_the_table(signed_in: SignedIn) -> None:
    answer = await signed_in.get("/phones?vendor=yealink&sort=mac&order=down", as_fragment=True)
    assert shown(answer.text) == [SECOND, YEALINK]
    assert 'hx-get="/phones?vendor=yealink&amp;sort=mac&amp;order=down"' in answer.text
    assert "<html" not in answer.text
    assert shown((await signed_in.get("/phones?model=grandstream/gxp2170")).text) == [GRANDSTREAM]


async def test_a_filter_that_does_not_exist_is_no_filter(signed_in: SignedIn) -> None:
    answer = await signed_in.get("/phones?state=%3Cb%3E&stage=x&sort=y&page=99999999999&order=z")
    assert shown(answer.text) == [YEALINK, SECOND, GRANDSTREAM]


async def test_no_phone_that_fits_says_what_to_do(signed_in: SignedIn) -> None:
    answer = await signed_in.get("/phones?q=nobody")
    assert "No phone fits" in answer.text


async def test_a_phone_that_booted_is_right_and_found_so(
    running: Running, signed_in: SignedIn
) -> None:
    phone = simulated(running)
    try:
        assert await phone.boot()
        assert shown((await signed_in.get("/phones?state=right")).text) == [YEALINK]
        rest = shown((await signed_in.get("/phones?state=needs_you")).text)
        rest += shown((await signed_in.get("/phones?state=on_the_way")).text)
        assert sorted(rest) == sorted([SECOND, GRANDSTREAM])
        row = (await signed_in.get("/phones?q=1001", as_fragment=True)).text
        assert "in step" in row
        assert "not registered" not in row
    finally:
        await phone.stop()


async def test_a_renamed_person_is_found_by_the_new_name(
    running: Running, signed_in: SignedIn
) -> None:
    assert shown((await signed_in.get("/phones?q=byron")).text) == [YEALINK]
    await running.services.extensions.change_extension("test", "1001", name="Ada Lovelace")
    assert shown((await signed_in.get("/phones?q=byron")).text) == []
    assert shown((await signed_in.get("/phones?q=lovelace&sort=name")).text) == [YEALINK]


async def test_many_are_shown_what_will_happen_and_then_deleted(
    running: Running, signed_in: SignedIn
) -> None:
    form = {"action": "delete", "mac": [YEALINK, SECOND]}
    plan = await signed_in.post("/phones/many", form)
    assert "Delete: 2 phones" in plan.text
    assert len(running.services.state.devices) == 3
    done = await signed_in.post(
        "/phones/many/do", {"action": "delete", "macs": field(plan.text, "macs")}
    )
    assert "2 of 2 deleted" in done.text
    assert list(running.services.state.devices) == [mac(GRANDSTREAM)]
    assert shown((await signed_in.get("/phones")).text) == [GRANDSTREAM]


async def test_everything_that_is_found_can_be_chosen(signed_in: SignedIn) -> None:
    form = {"action": "resync", "everything": "1", "asked": "vendor=yealink"}
    plan = await signed_in.post("/phones/many", form)
    assert field(plan.text, "macs") == f"{YEALINK} {SECOND}"


async def test_another_model_shows_the_difference_first(
    running: Running, signed_in: SignedIn
) -> None:
    form = {"action": "model", "model": "yealink/t48s", "mac": [YEALINK, SECOND, GRANDSTREAM]}
    plan = await signed_in.post("/phones/many", form)
    assert plan.status_code == 200, plan.text
    assert "is a grandstream" in plan.text
    assert running.services.state.devices[mac(YEALINK)].model == "t46s"
    form = {"action": "model", "model": "yealink/t48s", "macs": field(plan.text, "macs")}
    done = await signed_in.post("/phones/many/do", form)
    assert "2 of 3 have the new model" in done.text
    assert "00:0B:82:00:00:03" in done.text
    assert running.services.state.devices[mac(YEALINK)].model == "t48s"
    assert running.services.state.devices[mac(GRANDSTREAM)].model == "gxp2170"


async def test_only_registered_phones_are_told(running: Running, signed_in: SignedIn) -> None:
    phone = simulated(running)
    try:
        assert await phone.boot()
        plan = await signed_in.post(
            "/phones/many", {"action": "reboot", "mac": [YEALINK, GRANDSTREAM]}
        )
        assert "told at once" in plan.text
        assert "not registered: nothing is sent" in plan.text
        form = {"action": "reboot", "macs": field(plan.text, "macs")}
        done = await signed_in.post("/phones/many/do", form)
        assert "1 of 2 told" in done.text
        await phone.until(lambda it: bool(it.notifies), 5)
        assert phone.notifies[0].is_obeyed
    finally:
        await phone.stop()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"action": "delete"}, "no phone is chosen"),
        ({"action": "burn", "mac": YEALINK}, "it was not said what to do"),
        ({"action": "model", "mac": YEALINK}, "no model is chosen"),
        ({"action": "delete", "mac": "nonsense"}, "is not a MAC address"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_mend(
    running: Running, signed_in: SignedIn, form: dict[str, str], words: str
) -> None:
    answer = await signed_in.post("/phones/many", form)
    assert answer.status_code == 400
    assert words in answer.text
    assert len(running.services.state.devices) == 3


async def test_a_form_without_the_token_changes_nothing(
    running: Running, signed_in: SignedIn
) -> None:
    forms = {
        "/phones/many/do": {"action": "delete", "macs": YEALINK},
        f"/phones/{YEALINK}/delete": {},
        f"/phones/{YEALINK}/lines": {"extension": "1002"},
        f"/phones/{YEALINK}/settings": {"key": "language", "value": "de", "level": "device"},
    }
    before = dict(running.services.state.devices)
    for path, form in forms.items():
        assert (await signed_in.http.post(path, data=form)).status_code == 403
    assert running.services.state.devices == before


async def test_a_problem_lists_the_phones_that_have_it(signed_in: SignedIn) -> None:
    fleet = (await signed_in.get("/")).text
    code = re.search(r'href="/problems/(P[0-9]{3})"', fleet)
    assert code, "the fleet names no problem"
    answer = await signed_in.get(f"/problems/{code[1]}")
    assert answer.status_code == 200
    assert code[1] in answer.text
    assert (await signed_in.get("/problems/P000")).status_code == 404


async def test_every_fault_has_its_manual_page(signed_in: SignedIn) -> None:
    index = await signed_in.get("/faults")
    codes = set(re.findall(r'href="/faults/(P[0-9]{3})"', index.text))
    assert len(codes) > 30
    for code in codes:
        answer = await signed_in.get(f"/faults/{code}")
        assert answer.status_code == 200, code
        assert "What to do" in answer.text
