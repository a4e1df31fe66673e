"""Who sees the pages: first visit, sign-in, sessions, and what strangers and other sites get."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from offhook.app import Pbx
from tests.integration.running import Running, client

NAME, PASSWORD = "ada", "correct horse battery"


@pytest_asyncio.fixture
async def browser(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with client(running) as opened:
        yield opened


async def sign_in(browser: httpx.AsyncClient, name: str, password: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password})


async def added(api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/admins", json={"name": NAME, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    assert PASSWORD not in answer.text


async def test_stranger_is_led_to_sign_in_and_back(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    led = await browser.get("/phones?q=1001")
    assert led.status_code == 303
    assert led.headers["location"] == "/sign-in?next=%2Fphones%3Fq%3D1001"
    done = await browser.post(
        "/sign-in", data={"name": NAME, "password": PASSWORD, "next": "/phones?q=1001"}
    )
    assert (done.status_code, done.headers["location"]) == (303, "/phones?q=1001")
    cookie = done.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert (await browser.get("/")).status_code == 200


@pytest.mark.parametrize("next_", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
async def test_sign_in_never_leads_to_another_site(
    api: httpx.AsyncClient, browser: httpx.AsyncClient, next_: str
) -> None:
    await added(api)
    done = await browser.post("/sign-in", data={"name": NAME, "password": PASSWORD, "next": next_})
    assert done.headers["location"] == "/"


async def test_first_visit_needs_the_link_and_works_once(
    pbx: Pbx, browser: httpx.AsyncClient
) -> None:
    code = pbx.admins.setup_code
    assert len(code) >= 20
    form = {"code": "wrong", "name": NAME, "password": PASSWORD}
    assert (await browser.post("/set-up", data=form)).status_code == 403
    assert (await browser.post("/set-up", data={**form, "code": code})).status_code == 303
    assert (await browser.get("/")).status_code == 200
    again = await browser.post("/set-up", data={**form, "code": code, "name": "eve"})
    assert again.status_code == 403
    assert pbx.admins.setup_code == ""


async def test_wrong_password_and_unknown_name_answer_alike_and_are_slowed_down(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    wrong = await sign_in(browser, NAME, "not the password")
    nobody = await sign_in(browser, "mallory", "not the password")
    assert wrong.status_code == nobody.status_code == 403
    assert wrong.text.replace(NAME, "X") == nobody.text.replace("mallory", "X")
    for _ in range(3):
        await sign_in(browser, NAME, "not the password")
    assert (await sign_in(browser, NAME, PASSWORD)).status_code == 429


async def test_sign_out_and_a_new_password_end_the_session(
    api: httpx.AsyncClient, browser: httpx.AsyncClient, pbx: Pbx
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    assert (await browser.get("/")).status_code == 200
    await added(api)
    assert (await browser.get("/")).status_code == 303
    await sign_in(browser, NAME, PASSWORD)
    text = (await browser.get("/")).text
    token = text.partition('"X-CSRF":"')[2].partition('"')[0]
    assert (await browser.post("/sign-out", data={"csrf": token})).status_code == 303
    assert (await browser.get("/")).status_code == 303


async def test_form_without_its_token_and_other_sites_change_nothing(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    assert (await browser.post("/sign-out", data={})).status_code == 403
    foreign = {"Origin": "http://evil.example"}
    assert (await browser.post("/sign-out", headers=foreign)).status_code == 403
    rebound = await browser.get("/sign-in", headers={"Host": "evil.example"})
    assert rebound.status_code == 403
    assert (await browser.get("/")).status_code == 200


async def test_pages_carry_a_strict_policy_and_no_inline_script(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    answer = await browser.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    static = await browser.get("/static/htmx.min.js")
    assert (static.status_code, static.headers["cache-control"]) == (200, "max-age=3600")


async def test_admin_is_listed_without_the_hash_and_deleted_at_once(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    listed = await api.get("/api/admins")
    assert [item["name"] for item in listed.json()["admins"]] == [NAME]
    assert "argon2" not in listed.text
    assert (await api.delete(f"/api/admins/{NAME}")).status_code == 200
    assert (await browser.get("/")).status_code == 303
    assert (await api.delete(f"/api/admins/{NAME}")).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "password": PASSWORD},
        {"name": "<b>", "password": PASSWORD},
        {"name": NAME, "password": "short"},
        {"name": NAME, "password": "x" * 2000},
        {"name": NAME},
    ],
)
async def test_unusable_admin_is_refused_by_its_field(
    api: httpx.AsyncClient, body: dict[str, str]
) -> None:
    answer = await api.post("/api/admins", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


async def test_live_stream_tells_what_happened(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    async with browser.stream("GET", "/live") as stream:
        lines = stream.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        await api.get("/provision/001565999999.cfg")
        async for line in lines:
            if line == "event: unknown":
                break


async def test_page_that_nobody_has_says_where_to_go(
    api: httpx.AsyncClient, browser: httpx.AsyncClient
) -> None:
    await added(api)
    await sign_in(browser, NAME, PASSWORD)
    answer = await browser.get("/nothing/here")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
