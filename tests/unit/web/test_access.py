"""Who may call: the decisions that no loopback connection can show."""

from __future__ import annotations

from typing import Any

import pytest

from offhook.actions.changing import Changing
from offhook.actions.tokens import Tokens
from offhook.web.access import WRONG_A_MINUTE, Access, Denied, access_policy
from offhook.web.peer import address_of, is_this_host
from tests.fakes import FakeClock


class NoTokens:
    """A store without tokens."""

    async def list_tokens(self) -> list[Any]:
        return []


def scope(client: str = "127.0.0.1", server: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    return {
        "client": (client, 40000),
        "server": (server, 8080),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
    }


def access(clock: FakeClock, *networks: str, external_ip: str = "192.168.1.14") -> Access:
    changing: Changing = None  # type: ignore[assignment] # only changes need it
    tokens = Tokens(changing=changing, store=NoTokens(), monotonic=clock.monotonic)  # type: ignore[arg-type] # reading only
    policy = access_policy(networks or ("local",), ["pbx.example"], external_ip)
    return Access(policy, tokens, clock.monotonic)


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.8.9.10", "127.0.0.1"),
        ("::1", "::1"),
        ("192.168.1.14", "192.168.1.14"),
        ("::ffff:192.168.1.14", "::ffff:192.168.1.14"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_own_addresses_are_this_host(client: str, server: str) -> None:
    assert is_this_host(scope(client, server))


@pytest.mark.parametrize(
    ("client", "server"),
    [
        ("192.168.1.15", "192.168.1.14"),
        ("10.0.0.1", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("unix", "127.0.0.1"),
        ("::ffff:192.168.1.15", "::ffff:192.168.1.14"),
    ],
)
def test_other_addresses_are_not(client: str, server: str) -> None:
    assert not is_this_host(scope(client, server))


def test_a_connection_without_address_is_nobody() -> None:
    nobody = {"client": None, "server": None, "headers": []}
    assert address_of(nobody) == ""
    assert not is_this_host(nobody)


def test_a_proxy_on_this_host_is_not_this_host() -> None:
    assert not is_this_host(scope(x_forwarded_for="127.0.0.1"))
    assert not is_this_host(scope(forwarded="for=127.0.0.1"))


async def test_strangers_need_a_token() -> None:
    denied = await access(FakeClock()).actor_of(scope("192.168.1.15", "192.168.1.14"))
    assert isinstance(denied, Denied)
    assert (denied.status, denied.code) == (401, "token_missing")


async def test_a_listed_network_is_trusted_and_local_is_then_not() -> None:
    gate = access(FakeClock(), "192.168.1.0/24")
    listed = await gate.actor_of(scope("192.168.1.15", "192.168.1.14", host="192.168.1.14"))
    assert listed == "address 192.168.1.15"
    assert isinstance(await gate.actor_of(scope(host="localhost")), Denied)


@pytest.mark.parametrize("host", ["", "PBX.example", "pbx.example.:80", "192.168.1.14", "[::1]"])
async def test_known_names_are_allowed(host: str) -> None:
    asked = scope(host=host) if host else scope()
    assert await access(FakeClock()).actor_of(asked) == "local"


async def test_a_name_as_external_address_is_allowed() -> None:
    gate = access(FakeClock(), external_ip="pbx.lan")
    assert await gate.actor_of(scope(host="pbx.lan:8080")) == "local"


@pytest.mark.parametrize("host", ["rebound.example", "pbx.example.evil", "xlocalhost", "[::1"])
async def test_foreign_names_are_refused(host: str) -> None:
    denied = await access(FakeClock()).actor_of(scope(host=host))
    if host == "[::1":
        assert denied == "local", "an address is an address, brackets or not"
        return
    assert isinstance(denied, Denied)
    assert denied.status == 403


async def test_two_host_headers_are_refused() -> None:
    asked = scope(host="127.0.0.1")
    asked["headers"] *= 2
    assert isinstance(await access(FakeClock()).actor_of(asked), Denied)


async def test_wrong_tokens_are_forgiven_after_a_minute_and_by_address() -> None:
    clock = FakeClock()
    gate = access(clock)

    async def status(address: str) -> int:
        denied = await gate.actor_of(scope(address, authorization="Bearer wrong"))
        assert isinstance(denied, Denied)
        return denied.status

    for _ in range(WRONG_A_MINUTE):
        assert await status("192.0.2.1") == 401
    assert await status("192.0.2.1") == 429
    assert await status("192.0.2.2") == 401
    clock.pass_s(61)
    assert await status("192.0.2.1") == 401


async def test_addresses_of_wrong_tokens_are_bounded() -> None:
    gate = access(FakeClock())
    for number in range(5000):
        address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        await gate.actor_of(scope(address, authorization="Bearer wrong"))
    assert len(gate._wrong) <= 1024
