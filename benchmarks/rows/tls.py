"""Fetches of files over HTTPS with an ECDSA certificate, beside nginx with the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.integration.certificates import Authority

from benchmarks.generator import Loaded
from benchmarks.house import House, running
from benchmarks.needs import MissingError
from benchmarks.nginx import Nginx
from benchmarks.report import Row, missing
from benchmarks.rounds import Medians, Target, in_turns
from benchmarks.rows.fetch import (
    best_of,
    check_equal,
    fetch_row,
    journal_row,
    save_files,
    start_peers,
    targets,
    write_both,
)
from benchmarks.run import Run
from offhook.settings import ServerSettings

DEVICES = 2_000
"""The handshake is measured; so many files are enough for it."""

KINDS = (
    ("close", "over TLS 1.3, ECDSA, a full handshake each"),
    ("keep", "over TLS on 64 kept connections"),
)


def measure(run: Run) -> list[Row]:
    """Full handshakes, then kept connections."""
    if not run.generator.has_tls:
        raise MissingError("openssl/ssl.h", "libssl-dev")
    devices = min(DEVICES, run.size.devices)
    is_served = "https_port" in ServerSettings.model_fields
    with run.place("tls") as folder:
        certificate = make_certificate(folder)
        house = run.house(folder, devices, certificate=certificate if is_served else None)
        peer = Nginx(folder, certificate=certificate)
        try:
            with running(house):
                save_files(house, folder / "provision", devices)
                why = start_peers([peer])
                peers = [] if why else [peer]
                requests = write_both(folder, folder / "provision", devices)
                if is_served:
                    check_equal(house, peers, devices, is_tls=True)
                found = _measured(run, house, peers, requests, is_served=is_served)
        finally:
            peer.stop()
        kept = journal_row("tls.journal", house)
    if not is_served:
        return [_not_served(kind, what, found) for kind, what in KINDS]
    rows = [
        fetch_row(f"tls.{kind}", what, found[kind]["offhook"], best_of(found[kind]), why)
        for kind, what in KINDS
    ]
    return [*rows, kept]


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write an ECDSA P-256 certificate and its key."""
    pem, key = Authority().issue("pbx")
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(pem)
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _measured(
    run: Run, house: House, peers: list[Nginx], requests: Mapping[str, Path], *, is_served: bool
) -> dict[str, dict[str, Medians]]:
    found = {}
    for kind, _ in KINDS:
        is_kept = kind == "keep"
        how = {"seconds": run.size.seconds, "is_kept": is_kept, "is_tls": True}
        each = targets(run, house, peers, requests[kind], **how)
        if not is_served:
            del each["offhook"]
        if not is_kept:
            each = {name: _all_full(target) for name, target in each.items()}
        found[kind] = in_turns(each, run.size.rounds, run.guard) if each else {}
    return found


def _all_full(target: Target) -> Target:
    """Refuse to measure resumed sessions as handshakes."""

    def load() -> Loaded:
        loaded = target.load()
        if loaded.handshakes < loaded.answers:
            raise RuntimeError(f"{loaded.answers - loaded.handshakes} sessions were resumed")
        return loaded

    return replace(target, load=load)


def _not_served(kind: str, what: str, found: Mapping[str, dict[str, Medians]]) -> Row:
    row = missing(f"tls.{kind}", what, "this version does not serve HTTPS")
    best = best_of(found[kind])
    return row if best is None else replace(row, limit=f"{best[0]}: {best[1].told()}")
