"""Fetches of files over HTTP, beside nginx with the same bytes as static files."""

from __future__ import annotations

import http.client
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.generator import Loaded
from benchmarks.house import House, running
from benchmarks.needs import MissingError
from benchmarks.nginx import Nginx
from benchmarks.phones import AGENT, FIRST, fetched, name_of, write_fetches
from benchmarks.report import Row
from benchmarks.rounds import Medians, Round, Target, in_turns, medians
from benchmarks.run import Run

CHECKED = 100
COLD_ROUNDS = 3
CALM = 0.7


def measure(run: Run) -> list[Row]:
    """Everything about HTTP."""
    with run.place("fetch") as folder:
        house = run.house(folder, run.size.devices)
        peers = [Nginx(folder, sendfile=kind) for kind in ("off", "on")]
        files = folder / "provision"
        try:
            with running(house):
                save_files(house, files, run.size.devices)
            requests = write_both(folder, files, run.size.devices)
            first = _first(run, house, peers[0], requests["close"])
            with running(house):
                peer_error = start_peers(peers)
                check_equal(house, peers, run.size.devices, is_without=bool(peer_error))
                rows = _warm(run, house, peers, requests, peer_error)
        finally:
            for peer in peers:
                peer.stop()
        rows.insert(2, _first_row(*first))
        return [*rows, journal_row("fetch.journal", house)]


def save_files(house: House, files: Path, devices: int) -> None:
    """Fetch the file of each device on one kept connection and save it for nginx."""
    files.mkdir()
    link = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
    for index in range(devices):
        name = name_of(FIRST + index)
        link.request("GET", f"/provision/{name}", headers={"User-Agent": AGENT})
        answer = link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{name}: {answer.status} {body[:200]!r}")
        (files / name).write_bytes(body)
        house.answered += 1
    link.close()


def write_both(folder: Path, files: Path, devices: int) -> dict[str, Path]:
    """Write the requests with the right answers, for closed and for kept connections."""

    def body_of(index: int) -> bytes:
        return (files / name_of(FIRST + index)).read_bytes()

    return {
        how: write_fetches(folder / how, devices, body_of, is_kept=how == "keep")
        for how in ("close", "keep")
    }


def start_peers(peers: Sequence[Nginx]) -> str:
    """Start nginx; gives why it cannot be measured."""
    try:
        for peer in peers:
            peer.start()
    except MissingError as error:
        return str(error)
    return ""


def check_equal(
    house: House,
    peers: Sequence[Nginx],
    devices: int,
    *,
    is_without: bool = False,
    is_tls: bool = False,
) -> None:
    """See that both give the same bytes, else nothing may be compared."""
    for index in random.sample(range(devices), min(CHECKED, devices)):
        ours = fetched(house.tls_port if is_tls else house.port, FIRST + index, is_tls=is_tls)
        house.answered += 1
        for peer in () if is_without else peers:
            port = peer.tls_port if is_tls else peer.port
            if fetched(port, FIRST + index, is_tls=is_tls) != ours:
                raise RuntimeError(f"file {index} differs: the comparison would be of two things")


def _first(run: Run, house: House, peer: Nginx, requests: Path) -> tuple[Medians, Medians | None]:
    """Ask each device's file once after a start: nothing is rendered yet."""

    def ours() -> Round:
        with running(house):
            return _cold_round(run, house.port, house.cpu_s, requests, house)

    def theirs() -> Round:
        peer.start()
        try:
            return _cold_round(run, peer.port, peer.cpu_s, requests, None)
        finally:
            peer.stop()

    found: dict[str, list[Round]] = {"ours": [], "theirs": []}
    for _ in range(min(COLD_ROUNDS, run.size.rounds)):
        found["ours"].append(run.guard.measure(ours, lambda: 0.0)[-1])
        try:
            found["theirs"].append(run.guard.measure(theirs, lambda: 0.0)[-1])
        except MissingError:
            continue
    theirs_ = medians(found["theirs"]) if found["theirs"] else None
    return medians(found["ours"]), theirs_


def _cold_round(
    run: Run, port: int, cpu_s: Callable[[], float], requests: Path, house: House | None
) -> Round:
    before = cpu_s()
    loaded = run.generator.run(port, requests, is_in_order=True)
    if house is not None:
        house.count(loaded)
        house.settle()
    return Round(loaded=loaded, cpu_us=(cpu_s() - before) / max(1, loaded.answers) * 1e6)


def _first_row(ours: Medians, theirs: Medians | None) -> Row:
    return fetch_row(
        "fetch.first",
        "each file for the first time after a start (not rendered yet), a connection each",
        ours,
        None if theirs is None else ("nginx, just started", theirs),
        "" if theirs else "nginx is missing",
    )


def targets(
    run: Run, house: House, peers: Sequence[Nginx], requests: Path, **how: float | bool
) -> dict[str, Target]:
    """Ours and the peers with one kind of load."""
    is_tls = bool(how.get("is_tls"))

    def load(port: int) -> Loaded:
        return run.generator.run(port, requests, **how)

    def of_peer(peer: Nginx) -> Target:
        port = peer.tls_port if is_tls else peer.port
        return Target(load=lambda: load(port), cpu_s=peer.cpu_s)

    mine = house.tls_port if is_tls else house.port
    ours = Target(load=lambda: house.count(load(mine)), cpu_s=house.cpu_s)
    return {"offhook": ours, **{peer.name: of_peer(peer) for peer in peers}}


def best_of(found: dict[str, Medians]) -> tuple[str, Medians] | None:
    """The peer that needs least; none where none was measured."""
    peers = {name: one for name, one in found.items() if name != "offhook"}
    return min(peers.items(), key=lambda item: item[1].cpu_us) if peers else None


def _warm(
    run: Run, house: House, peers: list[Nginx], requests: dict[str, Path], peer_error: str
) -> list[Row]:
    size, rows = run.size, []
    used = [] if peer_error else peers
    for how, file in requests.items():  # once each: all are rendered and known in these bytes
        is_kept = how == "keep"
        house.count(run.generator.run(house.port, file, is_in_order=True, is_kept=is_kept))
    for how, what in (
        ("close", "files asked at random, a connection each, as phones do"),
        ("keep", "files asked at random on 64 kept connections"),
    ):
        each = targets(run, house, used, requests[how], seconds=size.seconds, is_kept=how == "keep")
        found = in_turns(each, size.rounds, run.guard)
        best = best_of(found)
        rows.append(fetch_row(f"fetch.{how}", what, found["offhook"], best, peer_error))
        if how == "close":
            calm = _calm(run, house, used, requests[how], found, best)
    return [*rows, calm]


def _calm(
    run: Run,
    house: House,
    peers: Sequence[Nginx],
    requests: Path,
    full: dict[str, Medians],
    best: tuple[str, Medians] | None,
) -> Row:
    """Latency at 70 % of what each can do."""
    each: dict[str, Target] = {}
    for name, one in full.items():
        how = {"seconds": run.size.seconds, "rate": CALM * one.per_second, "width": 1000}
        if name == "offhook" or (best is not None and name == best[0]):
            each[name] = targets(run, house, peers, requests, **how)[name]
    found = in_turns(each, run.size.rounds, run.guard)
    ours, theirs = found["offhook"], best_of(found)
    return Row(
        name="fetch.calm",
        what="p99 at 70 % of its own maximum, a connection each",
        ours=f"{ours.p99_ms:.1f} ms at {ours.per_second:,.0f}/s",
        limit=""
        if theirs is None
        else f"{theirs[0]}: {theirs[1].p99_ms:.1f} ms at {theirs[1].per_second:,.0f}/s",
        ratio=None if theirs is None else theirs[1].p99_ms / ours.p99_ms,
        by="p99",
        is_right=not ours.lost,
        numbers={"p99_ms": ours.p99_ms, "per_second": ours.per_second},
    )


def fetch_row(
    name: str, what: str, ours: Medians, peer: tuple[str, Medians] | None, peer_error: str
) -> Row:
    notes = [] if not ours.lost else [f"{ours.lost} answers wrong or lost"]
    if peer is not None and peer[1].cpu_us * peer[1].per_second < 0.9e6:
        notes.append("the load was the peer's limit, so compare the cost")
    return Row(
        name=name,
        what=what,
        ours=ours.told(),
        limit=peer_error if peer is None else f"{peer[0]}: {peer[1].told()}",
        ratio=None if peer is None else peer[1].cpu_us / ours.cpu_us,
        by="cost",
        is_right=not ours.lost,
        notes="; ".join(notes),
        numbers={
            "per_second": ours.per_second,
            "p99_ms": ours.p99_ms,
            "cpu_us": ours.cpu_us,
            "round_us": ours.round_us,
            "spread": ours.spread,
            **(
                {}
                if peer is None
                else {
                    "peer_per_second": peer[1].per_second,
                    "peer_cpu_us": peer[1].cpu_us,
                    "peer_p99_ms": peer[1].p99_ms,
                }
            ),
        },
    )


def journal_row(name: str, house: House) -> Row:
    """Compare what is stored with what was answered; the house has stopped."""
    rows = house.rows()
    row_bytes = (house.base_bytes() - house.filled_bytes) / max(1, rows)
    return Row(
        name=name,
        what="history rows stored after it has stopped",
        ours=f"{rows:,}",
        limit=f"{house.answered:,} requests answered",
        ratio=rows / max(1, house.answered),
        by="rows",
        is_right=rows == house.answered,
        notes=f"{row_bytes:.0f} bytes each"
        + ("" if rows == house.answered else "; rows and answers differ"),
        numbers={"rows": rows, "answers": house.answered, "row_bytes": row_bytes},
    )
