"""Upgrade without downtime as docs/scaling.md says: two nodes, one after another, phones served."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

import offhook
from offhook.store.schema import revisions
from tests.e2e.asking import Asking
from tests.e2e.page import command, commands, run
from tests.e2e.server import wait_for
from tests.e2e.site import NodeServer, Phone, Site, until
from tests.store_records import fresh_url

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.needs("kamailio")]

CHAPTER = "Upgrade without downtime"
AGENT = "curl/8"
MACS = [f"0015650{number:05x}" for number in range(1, 41)]
NEW_VERSION = "99.0.0"
NEW_REVISION = f"{int(revisions()[-1]) + 1:04}"
# What a migration may do while old nodes live: it adds, with defaults of the database's own. It
# touches tables that old nodes write to all the time, in an order of its own.
MIGRATION = f'''"""A column for each of some tables.

Revision ID: {NEW_REVISION}
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{NEW_REVISION}"
down_revision = "{revisions()[-1]}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    for table in ("journal_batches", "devices", "extensions", "changes", "attempts", "nodes"):
        column = sa.Column("floor", sa.Text(), nullable=False, server_default="ground")
        op.add_column(table, column)
    op.create_table("floors", sa.Column("name", sa.Text(), primary_key=True))
'''


TEMPLATE = Path("vendors", "yealink", "templates", "main.cfg.j2")
NEW_LINE = "# of the new version\n"


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Two nodes of the version that is, each installed in a folder of its own, with phones."""
    with fresh_url(request, "postgresql", tmp_path) as url:
        site = Site(tmp_path, url, per_second=20)
        try:
            for node in site.nodes:
                shutil.copytree(Path(offhook.__file__).parent, _installed(node))
                place = f"PYTHONPATH={_installed(node).parent}"
                node.command = ("env", place, sys.executable, "-m", "offhook")
            site.start()
            yield site
        finally:
            site.stop()


def _installed(node: NodeServer) -> Path:
    """Where the node's package is, as /opt/offhook is elsewhere."""
    return node.folder / "opt" / "offhook"


def _put_new_version(node: NodeServer) -> None:
    """Put a newer version in the place of the one that runs: it has a migration more."""
    package = _installed(node)
    migration = package / "store" / "migrations" / "versions" / f"{NEW_REVISION}_floors.py"
    migration.write_text(MIGRATION, encoding="utf-8")
    with (package / TEMPLATE).open("a", encoding="utf-8") as template:
        template.write(NEW_LINE)
    init = package / "__init__.py"
    written = init.read_text(encoding="utf-8")
    assert offhook.__version__ in written
    init.write_text(written.replace(offhook.__version__, NEW_VERSION), encoding="utf-8")


async def test_nodes_are_replaced_one_after_another_and_no_phone_notices(site: Site) -> None:
    # The one that leads goes first: then its work changes hands twice.
    first, second = await asyncio.to_thread(site.leader)
    await asyncio.to_thread(_add_phones, first)
    phone = Phone(MACS[0], "2000", await asyncio.to_thread(first.secret, "2000"), site.nodes)
    await phone.register(site.kamailios[1].port)
    await asyncio.to_thread(_upgrade, site, first, second)
    assert phone.notifies == 0
    await asyncio.to_thread(second.api, "POST", "/api/phones/2000/reboot")
    await until(lambda: bool(phone.answers), site.told)
    assert phone.body.decode().endswith(NEW_LINE)
    await phone.close()


def _add_phones(node: NodeServer) -> None:
    rows = [f"{mac},{2000 + it},Person {it},yealink,t46s" for it, mac in enumerate(MACS)]
    table = "\n".join(["mac,extension,name,vendor,model", *rows])
    told = node.api("POST", "/api/provisioning/devices/import", {"table": table})
    assert told["added"] == len(MACS)


def _upgrade(site: Site, first: NodeServer, second: NodeServer) -> None:
    """Replace both nodes while phones ask."""
    old = {f"{mac}.cfg": first.fetch(f"{mac}.cfg", AGENT)[1] for mac in MACS}
    files = {name: [text, text + NEW_LINE] for name, text in old.items()}
    wait_for(lambda: second.fetch(f"{MACS[-1]}.cfg", AGENT)[0] == 200, 60, site.told)
    with Asking([first, second], files, AGENT) as asking:
        _put_new_version(first)
        _stays_itself(site, first, old)
        _replace(first)
        assert {name: first.fetch(name, AGENT)[1] for name in old} == {
            name: text + NEW_LINE for name, text in old.items()
        }
        asking.wait_more(20, of=0)
        wait_for(lambda: "P108" in _doctor(first), 60, site.told)
        _changes_are_made(site, second, first, "1500")
        _changes_are_made(site, first, second, "1501")
        _is_refused_when_it_starts_again(second)
        _put_new_version(second)
        _replace(second)
        asking.wait_more(20, of=1)
        site.wait_up()
        assert {it["version"] for it in first.status()["nodes"]} == {NEW_VERSION}
        _changes_are_made(site, second, first, "1502")
        _kamailios_are_started_again(site)
    assert "P108" not in _doctor(first)
    _has_new_columns(site)


def _stays_itself(site: Site, node: NodeServer, old: dict[str, str]) -> None:
    """A node whose files were replaced under it serves what it knows until it is restarted."""
    for each in site.nodes:
        own = each.folder / "templates" / "zultys" / "own.j2"
        own.parent.mkdir(parents=True)
        own.write_text("# has been looked at\n", encoding="utf-8")
    for each in site.nodes:
        wait_for(lambda at=each: "Site templates in use" in at.log(), 60, each.log)
    assert {name: node.fetch(name, AGENT)[1] for name in old} == old


def _replace(node: NodeServer) -> None:
    """`systemctl restart`, and wait until it is told as alive with the new version."""
    node.stop()
    node.start()
    wait_for(lambda: _is_alive(node), 60, node.output)


def _is_alive(node: NodeServer) -> bool:
    told = [it for it in node.status()["nodes"] if it["name"] == node.name]
    return [(it["alive"], it["version"]) for it in told] == [(True, NEW_VERSION)]


def _changes_are_made(site: Site, at: NodeServer, seen_at: NodeServer, number: str) -> None:
    """A person is added and renamed at one node; the other has it too, with the same secret."""
    at.add(number, "Grace")
    at.api("PATCH", f"/api/extensions/{number}", {"name": "Grace Hopper"})

    def is_seen() -> bool:
        status, body = seen_at.call("GET", f"/api/extensions/{number}")
        return status == 200 and "Grace Hopper" in body

    wait_for(is_seen, 60, site.told)
    assert at.secret(number) == seen_at.secret(number)


def _is_refused_when_it_starts_again(old: NodeServer) -> None:
    """An old node that is started after the migration ends, and says why."""
    old.stop()
    old.launch()
    assert old.process is not None
    status = old.process.wait(60)
    old.process = None
    assert status == 2, old.output()
    known = revisions()[-1]
    told = f"the database has schema {NEW_REVISION}, newer than this offhook knows ({known})"
    assert told in old.output()
    assert "Traceback" not in old.output()


def _kamailios_are_started_again(site: Site) -> None:
    """One after the other, as the page says."""
    node = site.nodes[0]
    for kamailio in site.kamailios:
        kamailio.stop()
        wait_for(lambda: _kamailios_up(node) == 1, 60, site.told)
        kamailio.start()
        wait_for(lambda: _kamailios_up(node) == 2, 60, site.told)
        wait_for(lambda: "P409" not in _doctor(node), 60, site.told)


def _kamailios_up(node: NodeServer) -> int:
    return int(node.status()["sip"]["counters"]["nodes_up"])


def _doctor(node: NodeServer) -> str:
    line = f"{command(CHAPTER, 'offhook doctor')} --port {node.http_port}"
    return run(line, node.folder).stdout


def _has_new_columns(site: Site) -> None:
    """Rows that old nodes wrote after the migration have the database's default."""
    url = make_url(site.url).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT DISTINCT floor FROM extensions")).scalars()
        assert list(found) == ["ground"]
    engine.dispose()


def test_every_command_of_the_page_is_run_here() -> None:
    assert commands(CHAPTER) == [
        "systemctl restart offhook",  # by SIGTERM, as systemd does
        "curl http://127.0.0.1:8080/api/status",  # `status()`
        "systemctl restart offhook-kamailio@1",
        "offhook doctor",
    ]
