"""A name changed, 1,000 names, a template of all phones: when the phones concerned are told."""

from __future__ import annotations

import hashlib
import http.cookiejar
import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.generator import Loaded
from benchmarks.house import House, running
from benchmarks.light_phones import LightPhones, register_all
from benchmarks.phones import FIRST, fetched, number_of, write_fetches
from benchmarks.report import Row
from benchmarks.rows.fetch import journal_row
from benchmarks.run import Run

PACE = 1000
"""NOTIFYs a second: the most the setting takes, so that we are measured and not it."""

PROBES_A_SECOND = 200
RENAMED = 1000
LIMIT_S = 150
TEMPLATE = "yealink/main.cfg.j2"
ADDED = "phone_setting.backgrounds = bench.jpg"
SYNC = """\
integrations:
  file: {enabled: true, path: people.csv, adopt: always, schedule: {every: 0m},
         brakes: {max_rename: {percent: 100}}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """When the first and the last phone was told, and how known phones fetched meanwhile."""

    first_s: float
    last_s: float
    answered_s: float
    is_whole: bool
    strays: int
    meanwhile: Loaded


@dataclass(slots=True)
class Office:
    """The server with registered phones, and what is asked of it."""

    run: Run
    house: House
    phones: LightPhones
    known: Path
    registered: Path

    def change(self, do: Callable[[], object], concerned: set[str]) -> Told:
        """Change something and wait until all concerned are told, and no other."""
        self.phones.forget()
        probing = self.probe(LIMIT_S + 60)
        time.sleep(0.3)
        begun = time.monotonic()
        try:
            do()
            answered_s = time.monotonic() - begun
            is_whole = self.phones.wait(concerned, LIMIT_S)
            time.sleep(0.5)
        finally:
            meanwhile = self.house.count(probing.stop())
        # They obey, as phones do; else the next change finds them told already.
        self.house.count(self.run.generator.run(self.house.port, self.registered, is_in_order=True))
        told = self.phones.told_s
        moments = sorted(told[number] - begun for number in concerned & told.keys()) or [0.0]
        return Told(
            first_s=moments[0],
            last_s=moments[-1],
            answered_s=answered_s,
            is_whole=is_whole,
            strays=len(told.keys() - concerned),
            meanwhile=meanwhile,
        )

    def probe(self, seconds: float) -> Any:
        """Let known phones fetch."""
        return self.run.generator.begin(
            self.house.port, self.known, seconds=seconds, rate=PROBES_A_SECOND, width=500
        )

    def shows(self, index: int, text: str) -> bool:
        """Whether a device's file has a text."""
        self.house.answered += 1
        return text.encode() in fetched(self.house.port, FIRST + index)


def measure(run: Run) -> list[Row]:
    """Three changes, one after the other, on the largest fleet."""
    devices = run.size.fleets[-1]
    registered = min(run.size.registered, devices)
    with run.place("changes") as folder, closing(LightPhones()) as phones:
        house = run.house(folder, devices, per_second=PACE, more=SYNC)
        register_all(folder, registered, phones.port)
        people = folder / "people.csv"
        renamed = min(RENAMED, registered - 1)
        write_people(people, renamed, "User")
        known = write_fetches(folder / "known", min(500, devices))
        obeying = write_fetches(folder / "obeying", registered)
        with running(house):
            office = Office(run, house, phones, known, obeying)
            house.count(run.generator.run(house.port, known, is_in_order=True))
            call(house, "POST", "/api/integrations/file/sync")
            house.settle()
            alone = house.count(office.probe(2).wait())
            status_s = timed(lambda: call(house, "GET", "/api/status"))
            rows = [
                _one(office, alone, registered - 1, status_s),
                _thousand(office, alone, people, renamed),
                _everything(office, alone, devices, registered),
            ]
            house.settle()
        return [*rows, journal_row("changes.journal", house)]


def _one(office: Office, alone: Loaded, index: int, status_s: float) -> Row:
    def rename() -> None:
        call(office.house, "PATCH", f"/api/extensions/{number_of(index)}", {"name": "New Name"})

    told = office.change(rename, {number_of(index)})
    is_right = office.shows(index, "New Name")
    return _row(
        "changes.one",
        "one person renamed through the API, until the phone is told",
        told,
        alone,
        limit=f"an answer of GET /api/status: {status_s * 1000:.1f} ms",
        limit_s=status_s,
        is_right=is_right,
    )


def _thousand(office: Office, alone: Loaded, people: Path, renamed: int) -> Row:
    write_people(people, renamed, "Renamed")

    def synchronise() -> None:
        call(office.house, "POST", "/api/integrations/file/sync")

    told = office.change(synchronise, {number_of(index) for index in range(renamed)})
    return _row(
        "changes.thousand",
        f"{renamed:,} people renamed in a directory, one synchronisation",
        told,
        alone,
        limit=f"NOTIFYs at the pace set, {PACE}/s: {renamed / PACE:.2f} s",
        limit_s=renamed / PACE,
        is_right=all(office.shows(index, f"Renamed {index}") for index in (0, renamed - 1)),
    )


def _everything(office: Office, alone: Loaded, devices: int, registered: int) -> Row:
    pages = Pages(office.house)
    told = office.change(
        lambda: pages.save_template(TEMPLATE, lambda text: f"{text.rstrip()}\n{ADDED}\n"),
        {number_of(index) for index in range(registered)},
    )
    return _row(
        "changes.template",
        f"a template edited that makes the files of {devices:,} phones, {registered:,} registered",
        told,
        alone,
        limit=f"NOTIFYs at the pace set, {PACE}/s: {registered / PACE:.2f} s",
        limit_s=registered / PACE,
        is_right=all(office.shows(index, ADDED) for index in (0, registered - 1, devices - 1)),
    )


def _row(
    name: str,
    what: str,
    told: Told,
    alone: Loaded,
    *,
    limit: str,
    limit_s: float,
    is_right: bool,
) -> Row:
    notes = []
    if not told.is_whole:
        notes.append(f"not all were told within {LIMIT_S} s")
    if told.strays:
        notes.append(f"{told.strays} told that were not concerned")
    if told.meanwhile.lost:
        notes.append(f"{told.meanwhile.lost} known phones not served meanwhile")
    if not is_right:
        notes.append("a file does not show the change")
    return Row(
        name=name,
        what=what,
        ours=f"first told after {told.first_s:.2f} s, last after {told.last_s:.2f} s; known "
        f"phones fetch with p99 {told.meanwhile.p99_ms:.1f} ms, worst "
        f"{told.meanwhile.max_ms:.0f} ms meanwhile ({alone.p99_ms:.1f} ms before)",
        limit=limit,
        ratio=limit_s / told.last_s if told.last_s else None,
        by="time to the last",
        is_right=not notes,
        notes="; ".join(notes),
        numbers={
            "first_s": told.first_s,
            "last_s": told.last_s,
            "answered_s": told.answered_s,
            "p99_ms": told.meanwhile.p99_ms,
            "max_ms": told.meanwhile.max_ms,
            "alone_p99_ms": alone.p99_ms,
        },
    )


def write_people(file: Path, count: int, word: str) -> None:
    """Write the directory of people."""
    rows = (f"{index},{word} {index},{number_of(index)}," for index in range(count))
    file.write_text("\n".join(["id,name,number,email", *rows]) + "\n", "utf-8")


def call(house: House, method: str, path: str, body: object = None) -> Any:
    """Call the API, however long it takes. Raises on a refusal."""
    request = urllib.request.Request(
        house.server.url + path,
        data=None if body is None else json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
        return json.load(answer)


def timed(do: Callable[[], object], times: int = 20) -> float:
    """The median of some times, in seconds."""
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        do()
        taken.append(time.perf_counter() - begun)
    return sorted(taken)[times // 2]


class Pages:
    """An administrator in front of the pages."""

    def __init__(self, house: House) -> None:
        self._url = house.server.url
        person = {"name": "bench", "password": "correct horse battery"}
        call(house, "POST", "/api/admins", person)
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        )
        self._post("/sign-in", person)

    def save_template(self, name: str, edit: Callable[[str], str]) -> None:
        """Edit a template as the page of templates does."""
        page = self._open(f"/templates/{name}")
        text = edit((Path(__file__).parents[2] / _place_of(name)).read_text("utf-8"))
        fields = {key: _field(page, key) for key in ("csrf", "base")}
        seen = hashlib.sha256(text.encode()).hexdigest()
        self._post(f"/templates/{name}", {**fields, "do": "save", "text": text, "seen": seen})

    def _open(self, path: str) -> str:
        with self._opener.open(self._url + path, timeout=LIMIT_S) as answer:
            return str(answer.read().decode())

    def _post(self, path: str, fields: dict[str, str]) -> None:
        form = urllib.parse.urlencode(fields).encode()
        with self._opener.open(self._url + path, form, timeout=LIMIT_S) as answer:
            answer.read()


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    if found is None:
        raise RuntimeError(f"the page has no field {name}")
    return found[1]


def _place_of(name: str) -> str:
    vendor, _, file = name.partition("/")
    return f"src/offhook/vendors/{vendor}/templates/{file}"
