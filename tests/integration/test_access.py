"""Who may call the API, over real HTTP."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import httpx
import pytest

from offhook.core.model import Token
from offhook.web.access import WRONG_A_MINUTE
from tests.integration.running import client, running_pbx

STATUS = "/api/status"


async def made_token(api: httpx.AsyncClient, name: str = "laptop") -> str:
    answer = await api.post("/api/tokens", json={"name": name})
    assert answer.status_code == 201
    return str(answer.json()["token"])


def stored_in(folder: Path) -> bytes:
    """Every byte of the database."""
    return b"".join(file.read_bytes() for file in folder.rglob("offhook.db*"))


@pytest.mark.parametrize(
    "header",
    ["Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Via", "X-Client-IP"],
)
async def test_proxy_on_this_host_needs_a_token(api: httpx.AsyncClient, header: str) -> None:
    answer = await api.get(STATUS, headers={header: "127.0.0.1"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "offhook token create" in answer.json()["error"]["hint"]
    token = await made_token(api)
    allowed = {header: "127.0.0.1", "Authorization": f"Bearer {token}"}
    assert (await api.get(STATUS, headers=allowed)).status_code == 200


async def test_local_calls_need_a_token_when_local_is_not_trusted(tmp_path: Path) -> None:
    async with running_pbx(tmp_path, api__trusted_networks="10.0.0.0/8") as running:
        _, text = await running.services.tokens.make_token("test", "laptop")
        async with client(running) as api:
            assert (await api.get(STATUS)).status_code == 401
            for path in ("/api/docs", "/api/openapi.json", "/api/nothing"):
                assert (await api.get(path)).status_code == 401
            assert (await api.get("/")).headers["location"] == "/sign-in"
            assert (await api.get("/provision/000bea85abcd.cfg")).status_code == 404
            headers = {"Authorization": f"Bearer {text}"}
            assert (await api.get(STATUS, headers=headers)).status_code == 200


async def test_listed_network_is_trusted(tmp_path: Path) -> None:
    async with (
        running_pbx(tmp_path, api__trusted_networks="127.0.0.0/8") as running,
        client(running) as api,
    ):
        added = await api.post("/api/extensions", json={"number": "1", "name": "x"})
        assert added.status_code == 201
        changes = (await api.get("/api/changes")).json()["changes"]
        assert changes[0]["actor"] == "address 127.0.0.1"
        proxied = await api.get(STATUS, headers={"X-Forwarded-For": "127.0.0.1"})
        assert proxied.status_code == 401


async def test_changes_name_the_token_that_made_them(api: httpx.AsyncClient) -> None:
    token = await made_token(api, "desk-tool")
    headers = {"Authorization": f"bearer {token}"}
    await api.post("/api/extensions", json={"number": "1", "name": "x"}, headers=headers)
    changes = (await api.get("/api/changes")).json()["changes"]
    assert changes[0]["actor"] == "token desk-tool"
    assert changes[1]["actor"] == "local"


async def test_token_is_shown_once_and_kept_hashed(api: httpx.AsyncClient, tmp_path: Path) -> None:
    token = await made_token(api)
    listed = await api.get("/api/tokens")
    assert token not in listed.text
    assert listed.json()["tokens"][0]["name"] == "laptop"
    assert (await api.post("/api/tokens", json={"name": "laptop"})).status_code == 409
    assert token.encode() not in stored_in(tmp_path)
    assert token not in (await api.get("/api/changes")).text


async def test_revoked_token_is_worthless_at_once(api: httpx.AsyncClient) -> None:
    token = await made_token(api)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await api.get(STATUS, headers=headers)).status_code == 200
    assert (await api.delete("/api/tokens/laptop")).status_code == 200
    assert (await api.get(STATUS, headers=headers)).status_code == 401
    assert (await api.get("/api/tokens")).json()["total"] == 0


async def test_use_of_a_token_is_noted(api: httpx.AsyncClient) -> None:
    token = await made_token(api)
    assert (await api.get("/api/tokens")).json()["tokens"][0]["last_used_at"] is None
    await api.get(STATUS, headers={"Authorization": f"Bearer {token}"})
    assert (await api.get("/api/tokens")).json()["tokens"][0]["last_used_at"] is not None


async def test_token_made_by_another_process_is_known(tmp_path: Path) -> None:
    async with running_pbx(tmp_path) as running, client(running) as api:
        digest = hashlib.sha256(b"from elsewhere").hexdigest()
        await running.pbx.store.tokens.put_token(
            Token(name="other", digest=digest, created_at=running.services.now())
        )
        answer = await api.get(STATUS, headers={"Authorization": "Bearer from elsewhere"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "value", ["Bearer wrong", "Bearer", "Basic YTpi", "offhook_x", "Bearer \xff\xfe"]
)
async def test_wrong_credentials_are_refused_even_where_none_are_needed(
    api: httpx.AsyncClient, value: str
) -> None:
    answer = await api.get(STATUS, headers=[(b"Authorization", value.encode("latin-1"))])
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "token_wrong"


async def test_many_wrong_tokens_are_throttled_and_right_ones_still_pass(
    api: httpx.AsyncClient,
) -> None:
    token = await made_token(api)
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(WRONG_A_MINUTE):
        assert (await api.get(STATUS, headers=wrong)).status_code == 401
    blocked = await api.get(STATUS, headers=wrong)
    assert blocked.status_code == 429
    assert blocked.headers["retry-after"] == "60"
    right = {"Authorization": f"Bearer {token}"}
    assert (await api.get(STATUS, headers=right)).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8080", "[x]", "a@b"]
)
async def test_foreign_host_name_is_refused(api: httpx.AsyncClient, host: str) -> None:
    answer = await api.get(STATUS, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "host_not_allowed"
    assert "api.allowed_hosts" in answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:8080", "LOCALHOST.", "192.168.1.14:8080", "[::1]:8080", "10.0.0.1"],
)
async def test_own_names_and_addresses_are_allowed(api: httpx.AsyncClient, host: str) -> None:
    assert (await api.get(STATUS, headers={"Host": host})).status_code == 200


async def test_machine_and_settings_name_this_server(tmp_path: Path) -> None:
    async with (
        running_pbx(tmp_path, api__allowed_hosts="pbx.example, phones.example") as running,
        client(running) as api,
    ):
        for host in (socket.gethostname(), "PBX.example:8080", "phones.example"):
            assert (await api.get(STATUS, headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_pages_of_other_sites_are_refused(
    api: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    body = {"number": "1001", "name": "x"}
    answer = await api.post("/api/extensions", json=body, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "cross_site"
    assert (await api.get("/api/extensions")).json()["total"] == 0
    token = await made_token(api)
    with_token = {**headers, "Authorization": f"Bearer {token}"}
    assert (await api.get(STATUS, headers=with_token)).status_code == 200


async def test_own_pages_may_call(api: httpx.AsyncClient, url: str) -> None:
    headers = {"Origin": url, "Sec-Fetch-Site": "same-origin"}
    assert (await api.get(STATUS, headers=headers)).status_code == 200


async def test_no_answer_allows_other_origins(api: httpx.AsyncClient) -> None:
    answer = await api.get(STATUS)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "server" not in answer.headers
