"""The log: live lines, requests kept, changes; searched, paged, safe against what phones say."""

from __future__ import annotations

import httpx
import pytest

from offhook.web.ui.pages.log import PAGE
from tests.integration.running import Running
from tests.integration.ui.conftest import SignedIn

KNOWN, STRANGER = "001565aabbcc", "001565ddeeff"
YEALINK = "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc"


async def fill(running: Running, http: httpx.AsyncClient) -> None:
    """A phone that is served, one that is refused."""
    services = running.services
    await services.extensions.add_extension("admin ada", number="1001", name="John Smith")
    await http.post(
        "/api/provisioning/devices",
        json={
            "mac_address": KNOWN,
            "extension_number": "1001",
            "vendor": "yealink",
            "model": "t46s",
        },
    )
    for mac in (KNOWN, STRANGER):
        await http.get(f"/provision/{mac}.cfg", headers={"User-Agent": YEALINK})


async def test_the_live_log_tells_the_newest_first_with_result_and_fault(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    await fill(running, stranger)
    text = (await signed_in.get("/log", as_fragment=True)).text
    assert "<html" not in text
    assert 'href="/faults/P301"' in text
    assert text.index(f"{STRANGER}.cfg") < text.index(f"{KNOWN}.cfg")
    assert f'href="/phones/{KNOWN}"' in text
    assert f'href="/phones/{STRANGER}"' not in text


@pytest.mark.parametrize(
    ("asked", "shown", "hidden"),
    [
        ("failed=1", STRANGER, KNOWN),
        ("q=00:15:65:AA:BB:CC", KNOWN, STRANGER),
        ("q=p301", STRANGER, KNOWN),
        ("kind=request&q=1001", KNOWN, STRANGER),
        ("kind=change", "extension 1001 created", ".cfg"),
    ],
)
async def test_the_live_log_is_filtered(
    running: Running,
    signed_in: SignedIn,
    stranger: httpx.AsyncClient,
    asked: str,
    shown: str,
    hidden: str,
) -> None:
    await fill(running, stranger)
    text = (await signed_in.get(f"/log?{asked}", as_fragment=True)).text
    rows = text[text.index("<tbody>") : text.index("</tbody>")]
    assert shown in rows
    assert hidden not in rows


async def test_requests_are_kept_searched_and_paged(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    await fill(running, stranger)
    for number in range(PAGE):
        await stranger.get(f"/provision/{KNOWN}.cfg?{number}", headers={"User-Agent": YEALINK})
    first = (await signed_in.get("/log/requests")).text
    assert first.count("<time") == PAGE
    assert 'rel="next"' in first
    second = (await signed_in.get("/log/requests?page=2")).text
    assert second.count("<time") == 2
    assert 'href="/log/requests"' in second
    by_word = (await signed_in.get("/log/requests?q=ddeeff", as_fragment=True)).text
    assert by_word.count("<time") == 1
    failed = (await signed_in.get("/log/requests?failed=1", as_fragment=True)).text
    assert failed.count("<time") == 1
    assert "<details>" in failed


async def test_changes_say_who_what_before_and_after(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    await fill(running, stranger)
    await running.services.extensions.change_extension("admin ada", "1001", name="Jane Doe")
    text = (await signed_in.get("/log/changes?q=1001")).text
    assert "admin ada" in text
    assert "<del>John Smith</del>" in text
    assert "<ins>Jane Doe</ins>" in text
    by_word = (await signed_in.get("/log/changes?q=jane", as_fragment=True)).text
    assert by_word.count("<time") == 1
    none = (await signed_in.get("/log/changes?q=nobody", as_fragment=True)).text
    assert "No change fits" in none


async def test_what_phones_and_people_write_stays_text(
    running: Running, signed_in: SignedIn, stranger: httpx.AsyncClient
) -> None:
    markup = "<script>alert(1)</script>"
    await stranger.get(f"/provision/{STRANGER}.cfg", headers={"User-Agent": markup})
    await running.services.extensions.add_extension("admin ada", number="1001", name=markup)
    for path in ("/log", "/log/requests", "/log/changes", f"/log?q={markup}"):
        text = (await signed_in.get(path)).text
        assert markup not in text
    assert "&lt;script&gt;alert(1)" in (await signed_in.get("/log/changes")).text


@pytest.mark.parametrize("path", ["/log", "/log/requests", "/log/changes"])
async def test_an_empty_log_says_the_next_step_and_odd_queries_harm_nothing(
    signed_in: SignedIn, stranger: httpx.AsyncClient, path: str
) -> None:
    for asked in ("", "?page=-1&kind=x", "?page=999999", "?page=%D9%A3", "?q=%00&failed=2"):
        answer = await signed_in.get(path + asked)
        assert answer.status_code == 200
        assert 'class="empty"' in answer.text or "<tbody>" in answer.text
    assert (await stranger.get(path)).headers["location"].startswith("/sign-in?next=")
