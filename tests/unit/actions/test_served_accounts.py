"""What files say of accounts: transport, and what free settings change of the server."""

from __future__ import annotations

from dataclasses import replace

from offhook.actions.served_accounts import served_accounts
from offhook.core.inventory import SITE, vendor_scope
from offhook.diagnosis.facts import ServedAccount
from tests.world import World


async def test_each_device_has_the_transport_of_its_settings() -> None:
    world = await World.make("1001", "1002")
    one, two = await world.device("001565120001"), await world.device("001565120002")
    own = replace(one, settings={"transport": "tcp"})
    source = replace(world.state.source, settings={SITE: {"transport": "tls"}})
    found = served_accounts(source, [own, two])
    assert found == {
        one.mac: ServedAccount(transport="tcp"),
        two.mac: ServedAccount(transport="tls"),
    }


async def test_a_port_of_a_free_setting_is_told_with_its_key() -> None:
    world = await World.make()
    device = await world.device()
    keys = {"account.1.sip_server.1.port": "443", "account.1.sip_server.1.address": "pbx.example"}
    source = replace(world.state.source, settings={vendor_scope("yealink"): keys})
    assert served_accounts(source, [device])[device.mac] == ServedAccount(
        server="pbx.example", port=443, port_key="account.1.sip_server.1.port"
    )


async def test_a_maker_with_one_key_for_both_is_read_too() -> None:
    world = await World.make()
    cisco = world.state.source.profiles["cisco"]
    device = replace(await world.device(), vendor="cisco", model=cisco.models[0].name)
    for text, server, port in (
        ("pbx.example:443", "pbx.example", 443),
        ("pbx.example", "pbx.example", None),
        ("[2001:db8::1]:80", "[2001:db8::1]:80", None),
    ):
        own = replace(device, settings={"Proxy_1_": text})
        account = served_accounts(world.state.source, [own])[device.mac]
        assert (account.server, account.port) == (server, port)


async def test_a_device_whose_file_cannot_be_made_has_none() -> None:
    world = await World.make()
    device = replace(await world.device(), vendor="nobody")
    assert served_accounts(world.state.source, [device]) == {}
