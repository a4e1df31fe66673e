"""The server's own fault: settings that lead phones nowhere, files that cannot be made."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import Act, scenario


async def _fetched(bench: Bench, vendor: str = "yealink") -> str:
    """A phone that got its files and is never heard of over SIP."""
    mac = await bench.device(vendor)
    await bench.phone(mac, vendor).fetch_files()
    bench.later(minutes=5)
    return mac


# --- settings ------------------------------------------------------------------------------------


@scenario(
    "P101", r"GET \w+\.cfg from 127\.0\.0\.1, .*Yealink.*status 503", provisioning__enabled="no"
)
async def provisioning_is_off_and_a_phone_asks(bench: Bench) -> str:
    return await _fetched(bench)


@scenario("P101", r"provisioning\.enabled = false", provisioning__enabled="no")
async def provisioning_is_off_and_nobody_asked(bench: Bench) -> str:
    await bench.device("polycom")
    bench.later(minutes=20)
    return "1001"


@scenario("P101", r"GET cfg\w+\.xml .*Grandstream.*status 503", provisioning__enabled="no")
async def provisioning_was_switched_off_between_two_boots(bench: Bench) -> str:
    settings, bench.settings = bench.settings, {}
    await bench.restart()
    phone = await bench.well("grandstream")
    bench.settings = settings
    await bench.restart()
    bench.later(hours=3)
    await phone.fetch_files()
    return phone.mac.colons


def _external_ip(address: str) -> Act:
    async def act(bench: Bench) -> str:
        return await _fetched(bench)

    act.__name__ = f"external_ip_is_{address or 'empty'}"
    return act


for _address in ("", "127.0.0.1", "0.0.0.0"):
    scenario("P102", rf"server\.external_ip = '{_address}'", server__external_ip=_address)(
        _external_ip(_address)
    )


def _url_format(name: str) -> Act:
    async def act(bench: Bench) -> str:
        mac = await bench.device("zultys")
        bench.later(minutes=30)
        return mac

    act.__name__ = f"url_format_{name}"
    return act


for _name, _format in {
    "without_scheme": "192.0.2.1/provision/{mac}.cfg",
    "of_another_port": "http://{{SERVER_IP}}:81/provision/{mac}.cfg",
    "with_a_phones_variable": "http://{{SERVER_IP}}:{{PORT}}/provision/$MA.cfg",
}.items():
    scenario("P103", r"provisioning\.url_format = ", provisioning__url_format=_format)(
        _url_format(_name)
    )


@scenario("P107", r"phones\.transport = tls", phones__transport="tls")
async def all_phones_are_told_tls_without_a_certificate(bench: Bench) -> str:
    return await _fetched(bench)


@scenario("P107", r"the file of 00:04:5A:00:03:E9 says transport tls")
async def one_phone_is_told_tls_without_a_certificate(bench: Bench) -> str:
    mac = await bench.device("cisco", settings={"transport": "tls"})
    await bench.phone(mac, "cisco").fetch_files()
    bench.later(minutes=5)
    return mac


# --- the file cannot be made ---------------------------------------------------------------------


@scenario("P701", r"device [0-9A-F:]{17}, yealink")
async def site_template_names_a_variable_that_is_not_there(bench: Bench) -> str:
    mac = await bench.device("yealink")
    await _template(bench, "yealink/main.cfg.j2", "account.1.label = {{ colour }}\n")
    await bench.phone(mac).fetch_files()
    return mac


async def _template(bench: Bench, name: str, text: str) -> None:
    """Lay a template into the site's folder, as was done before the last start."""
    file = bench.folder / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    await bench.restart()


@scenario("P701", r"device [0-9A-F:]{17}, polycom")
async def site_template_has_a_mistake_in_its_syntax(bench: Bench) -> str:
    mac = await bench.device("polycom")
    await _template(bench, "polycom/reg.cfg.j2", "<x>{% if %}</x>\n")
    await bench.phone(mac, "polycom").fetch_files()
    return mac


def _unwritable(vendor: str) -> Act:
    async def act(bench: Bench) -> str:
        mac = await bench.device(vendor)

        def spoil(database: sqlite3.Connection) -> None:
            database.execute("update extensions set name = 'Ada' || char(1, 10) || 'Lovelace'")

        await bench.restart(spoil)
        await bench.phone(mac, vendor).fetch_files()
        return mac

    act.__name__ = f"{vendor}_file_cannot_carry_a_name"
    return act


for _vendor in ("yealink", "cisco", "grandstream"):
    scenario("P702", r"device [0-9A-F:]{17}, extension 1001")(_unwritable(_vendor))


@scenario("P703", r"PUT \w+-local\.cfg from 127\.0\.0\.1, .*status 500")
async def database_fails_while_a_phone_writes(bench: Bench) -> str:
    phone = await bench.well("yealink")
    bench.later(minutes=1)
    file = f"{phone.mac.plain}-local.cfg"
    with closing(sqlite3.connect(bench.folder / "data" / "offhook.db")) as database:
        database.execute("alter table uploads rename to away")
        answer = await bench.get(file, phone.user_agent, method="PUT")
        database.execute("alter table away rename to uploads")  # it was only for a moment
    assert answer.status == 500
    return phone.mac.colons
