"""Running servers that share a PostgreSQL: people signed in, tokens, a database that goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import make_url

from offhook.app import start_pbx
from offhook.errors import StoreError
from tests.integration.cable import Cable
from tests.integration.running import Running, client, running_pbx
from tests.store_records import fresh_url

pytestmark = pytest.mark.needs("postgres")

AGENT = "Yealink SIP-T46S 66.85.0.5 00:15:65:00:00:01"
MAC = "001565000001"
NORTH_LEADS = [("north", True), ("south", False)]
SOUTH_LEADS = [("north", False), ("south", True)]  # on a machine that stood still for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two nodes and clients of their APIs."""

    nodes: tuple[Running, Running]
    north: httpx.AsyncClient
    south: httpx.AsyncClient


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with fresh_url(request, "postgresql", tmp_path) as found:
        yield found


@pytest_asyncio.fixture
async def pair(url: str, tmp_path: Path) -> AsyncIterator[Pair]:
    """Two nodes whose Kamailio does not run: phones get their files all the same."""
    async with contextlib.AsyncExitStack() as stack:
        nodes = []
        for name in ("north", "south"):
            (tmp_path / name).mkdir()
            node = running_pbx(
                tmp_path / name,
                store__url=url,
                store__key_file=str(tmp_path / "secret.key"),
                server__node_name=name,
                server__sip_port="5060",
                provisioning__url_format="http://127.0.0.1:8080/provision/{mac}.cfg",
                sip__engine="kamailio",
                sip__kamailio__database=f"sqlite:///{tmp_path}/kamailio",
            )
            nodes.append(await stack.enter_async_context(node))
        clients = [await stack.enter_async_context(client(node)) for node in nodes]
        yield Pair(nodes=(nodes[0], nodes[1]), north=clients[0], south=clients[1])


async def comes(ask: Any, wanted: Any) -> None:
    """Ask until the answer is as wanted; the deadline is for a hung test only."""
    async with asyncio.timeout(20):
        while await ask() != wanted:  # noqa: ASYNC110 - another node tells nobody here
            await asyncio.sleep(0.02)


async def add_phone(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/extensions", json={"number": "1001", "name": "Ada"})
    assert made.status_code == 201, made.text
    body = {
        "mac_address": MAC,
        "extension_number": "1001",
        "vendor": "yealink",
        "model": "t46s",
    }
    assert (await api.post("/api/provisioning/devices", json=body)).status_code == 201


async def test_tokens_are_good_and_worthless_at_both(pair: Pair) -> None:
    made = (await pair.north.post("/api/tokens", json={"name": "program"})).json()
    shown = {"Authorization": f"Bearer {made['token']}"}

    async def asked() -> int:
        return (await pair.south.get("/api/extensions", headers=shown)).status_code

    await comes(asked, 200)
    assert (await pair.north.delete("/api/tokens/program")).status_code < 300
    await comes(asked, 401)


async def test_who_signs_in_at_one_is_signed_in_at_the_other(pair: Pair) -> None:
    north, south = (node.pbx.admins for node in pair.nodes)
    assert south.setup_code
    await north.put_admin("test", "ada", "a long password")
    text = await north.sign_in("ada", "a long password", "192.0.2.1")
    assert await south.admin_of(text) == "ada"

    async def code() -> str:
        return south.setup_code

    await comes(code, "")
    await north.sign_out(text)

    async def known() -> str:
        return await south.admin_of(text)

    await comes(known, "")


async def test_what_a_phone_fetched_at_one_is_known_at_the_other(pair: Pair) -> None:
    await add_phone(pair.north)
    agent = {"User-Agent": AGENT}
    served = await pair.north.get(f"/provision/{MAC}.cfg", headers=agent)
    assert served.status_code == 200

    async def delivered() -> list[str]:
        seen = pair.nodes[1].pbx.state.sightings
        return [file for item in seen.values() for file in item.delivered]

    await comes(delivered, [f"{MAC}.cfg"])
    again = await pair.south.get(f"/provision/{MAC}.cfg", headers=agent)
    assert again.text == served.text
    assert (await pair.north.get("/provision/0015650000ff.cfg", headers=agent)).status_code == 404

    async def strangers() -> int:
        return int((await pair.south.get("/api/status")).json()["unknown_phones"])

    await comes(strangers, 1)
    gone = await pair.south.delete("/api/provisioning/unknown/0015650000ff")
    assert gone.status_code < 300, gone.text
    assert await strangers() == 0
    await comes(lambda: _count(pair.north), 0)


async def _count(api: httpx.AsyncClient) -> int:
    return int((await api.get("/api/status")).json()["unknown_phones"])


async def test_each_node_tells_of_both(pair: Pair) -> None:
    for api, name in ((pair.north, "north"), (pair.south, "south")):

        async def agrees(api: httpx.AsyncClient = api, name: str = name) -> bool:
            status = (await api.get("/api/status")).json()
            leading = {node["name"]: node["leading"] for node in status["nodes"]}
            own = {"name": name, "leading": leading.get(name), "database": ""}
            page = (await api.get("/metrics")).text
            return (
                sorted(leading.items()) in (NORTH_LEADS, SOUTH_LEADS)
                and status["node"] == own
                and f"offhook_leading {int(own['leading'])}" in page
                and "offhook_other_nodes_up 1" in page
            )

        await comes(agrees, True)


async def test_a_second_node_with_the_embedded_engine_is_refused(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.nodes.PLACE_WAIT_S", 0.0)
    key = str(tmp_path / "secret.key")
    async with running_pbx(tmp_path, store__url=url, store__key_file=key) as first:
        with pytest.raises(StoreError, match="another offhook is running with this database"):
            await start_pbx(first.pbx.settings, 8080)


async def test_phones_are_served_while_the_database_is_away(url: str, tmp_path: Path) -> None:
    parsed = make_url(url)
    async with Cable(parsed.host or "", parsed.port or 0) as cable:
        through = parsed.set(port=cable.port).render_as_string(hide_password=False)
        async with (
            running_pbx(tmp_path, store__url=through) as running,
            client(running) as api,
        ):
            await add_phone(api)
            agent = {"User-Agent": AGENT}
            await cable.cut()
            served = await api.get(f"/provision/{MAC}.cfg", headers=agent)
            assert served.status_code == 200
            refused = await api.patch("/api/extensions/1001", json={"name": "Grace"})
            assert refused.status_code == 503
            assert "reachable" in refused.json()["error"]["hint"]
            not_ready = await api.get("/readyz")
            assert not_ready.status_code == 503
            assert "store" in not_ready.text
            assert (await api.get("/healthz")).status_code == 200
            assert (await api.get("/api/extensions/1001")).json()["name"] == "Ada"
            await cable.mend()

            async def changed() -> int:
                return (await api.patch("/api/extensions/1001", json={"name": "Grace"})).status_code

            await comes(changed, 200)
            kept = (await api.get(f"/api/provisioning/requests?mac={MAC}")).json()
            assert [item["status"] for item in kept["requests"]] == [200]

            async def ready() -> int:
                return (await api.get("/readyz")).status_code

            await comes(ready, 200)
