"""What the directory changed and a phone does not show."""

from __future__ import annotations

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import scenario

_SYNC = "/api/integrations/file/sync"
_FILE = {"integrations__file__enabled": "true", "integrations__file__path": "people.csv"}


async def _people(bench: Bench, *rows: str) -> None:
    """Write the file of people and take it over."""
    text = "\n".join(("id,name,number,email", *rows, ""))
    (bench.folder / "people.csv").write_text(text, encoding="utf-8")
    report = await bench.call("POST", _SYNC, {})
    assert report["status"] in ("ok", "unchanged"), report


@scenario("P512", r"extension 2001 changed by the directory", **_FILE)
async def person_was_renamed_while_the_phone_was_off(bench: Bench) -> str:
    await _people(bench, "jane,Jane Doe,2001,")
    phone = await bench.well("yealink", "2001")
    await phone.sip.unregister()
    bench.later(minutes=5)
    await _people(bench, "jane,Jane Roe,2001,")
    return phone.mac.colons


@scenario("P512", r"last request .* from 127\.0\.0\.1, User-Agent FileTransport Polycom", **_FILE)
async def person_married_and_the_phone_was_dead(bench: Bench) -> str:
    await _people(bench, "jane,Jane Doe,2001,")
    phone = await bench.well("polycom", "2001")
    phone.die()
    bench.later(hours=3)
    await _people(bench, "jane,Jane Smith,2001,")
    return "2001"
