"""The phones of the benchmarks: filled into a store, and the requests they send."""

from __future__ import annotations

import random
import sqlite3
import ssl
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.generator import Asked, write_requests
from offhook.actions.ports import PutDevice, PutExtension
from offhook.core.mac import Mac
from offhook.core.model import Device, Extension, Line
from offhook.core.secret import Secret
from offhook.simulator.conduct import PhoneSpec
from offhook.store.open import open_store

AGENT = "Yealink SIP-T46S 66.85.0.15"
FIRST = 0x001565000000
STRANGE = 0x001565800000
FIRST_NUMBER = 100_000

_unverified = ssl.create_default_context()
_unverified.check_hostname = False
_unverified.verify_mode = ssl.CERT_NONE
_direct = urllib.request.build_opener(
    urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=_unverified)
)


def number_of(index: int) -> str:
    """The extension of a device."""
    return str(FIRST_NUMBER + index)


def name_of(mac: int) -> str:
    """The file a device asks for."""
    return f"{mac:012x}.cfg"


async def fill(folder: Path, count: int) -> None:
    """Write extensions and devices straight into the store the server will open."""
    now = datetime.now(UTC)
    extensions = [_extension(number_of(index), f"User {index}", now) for index in range(count)]
    devices = [
        _device(Mac(FIRST + index), number_of(index), "yealink", "t46s", now)
        for index in range(count)
    ]
    await _write(folder, extensions, devices, now)


def see_all(path: Path, devices: int) -> None:
    """Write what a year of use leaves: every phone was seen, has its files and is registered."""
    now = datetime.now(UTC)
    now_us = int(now.timestamp() * 1e6)
    later_us = now_us + int(timedelta(hours=1).total_seconds() * 1e6)
    digest = "0123456789abcdef" * 4
    with sqlite3.connect(path) as base:
        macs = [f"{FIRST + index:012x}" for index in range(devices)]
        hosts = [f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}" for i in range(devices)]
        base.executemany(
            "insert into sightings (mac, address, user_agent, firmware, last_contact_us,"
            " last_provisioned_us) values (?, ?, ?, ?, ?, ?)",
            [
                (mac, host, AGENT, "66.85.0.15", now_us, now_us)
                for mac, host in zip(macs, hosts, strict=True)
            ],
        )
        base.executemany(
            "insert into deliveries (mac, file, digest) values (?, ?, ?)",
            [
                (mac, file, f"{index:08x}" + digest[8:])
                for index, mac in enumerate(macs)
                for file in ("y000000000066.cfg", f"{mac}.cfg")
            ],
        )
        base.executemany(
            "insert into registrations (extension, position, contact, source, call_id, cseq,"
            " user_agent, mac, path, instance, q, registered_us, refreshed_us, expires_us)"
            " values (?, 0, ?, ?, ?, 1, ?, ?, '[]', '', 1.0, ?, ?, ?)",
            [
                (
                    number_of(index),
                    f"sip:{number_of(index)}@{hosts[index]}:5060",
                    f"udp:{hosts[index]}:5060",
                    f"call-{index}@{hosts[index]}",
                    AGENT,
                    mac,
                    now_us,
                    now_us,
                    later_us,
                )
                for index, mac in enumerate(macs)
            ],
        )


async def fill_with(folder: Path, specs: Sequence[PhoneSpec]) -> None:
    """Write the phones of a simulated fleet, of all makers."""
    now = datetime.now(UTC)
    extensions = [_extension(spec.number, spec.name, now) for spec in specs]
    devices = [
        _device(spec.mac, spec.number, spec.profile.name, spec.model.name, now) for spec in specs
    ]
    await _write(folder, extensions, devices, now)


async def _write(
    folder: Path, extensions: list[PutExtension], devices: list[PutDevice], now: datetime
) -> None:
    store = await open_store(
        f"sqlite:///{folder}/data/offhook.db",
        key_file=folder / "data/secret.key",
        keep_days=30,
        keep_rows=500_000,
        keep_changes_days=0,
        now=lambda: now,
    )
    # One kind after the other: the store writes neighbours of a kind in one statement.
    await store.inventory.commit(extensions, [])
    await store.inventory.commit(devices, [])
    await store.close()


def _extension(number: str, name: str, now: datetime) -> PutExtension:
    return PutExtension(
        extension=Extension(number=number, name=name, secret=Secret("s" * 16), created_at=now)
    )


def _device(mac: Mac, number: str, vendor: str, model: str, now: datetime) -> PutDevice:
    return PutDevice(
        device=Device(
            mac=mac,
            vendor=vendor,
            model=model,
            lines=(Line(index=1, extension=number),),
            admin_password=Secret("a" * 16),
            created_at=now,
            updated_at=now,
        )
    )


def head_of(mac: int, *, is_kept: bool = False) -> bytes:
    """The request of a phone, byte for byte."""
    closing = "" if is_kept else "Connection: close\r\n"
    return (
        f"GET /provision/{name_of(mac)} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"User-Agent: {AGENT}\r\n{closing}\r\n"
    ).encode()


def write_fetches(
    file: Path,
    devices: int,
    body_of: Callable[[int], bytes] | None = None,
    *,
    is_kept: bool = False,
    seed: int = 1,
) -> Path:
    """Write the request of each device in a random order, with the file that is right for it."""
    order = list(range(devices))
    random.Random(seed).shuffle(order)
    return write_requests(
        file,
        (
            Asked(
                head=head_of(FIRST + index, is_kept=is_kept),
                body=None if body_of is None else body_of(index),
            )
            for index in order
        ),
    )


def write_strangers(file: Path, macs: Iterable[int], status: int) -> Path:
    """Write requests of unknown phones; status 0 is any."""
    return write_requests(file, (Asked(head=head_of(mac), status=status) for mac in macs))


def fetched(port: int, mac: int, *, is_tls: bool = False) -> bytes:
    """One file by a client of another kind than the generator."""
    scheme = "https" if is_tls else "http"
    url = f"{scheme}://127.0.0.1:{port}/provision/{name_of(mac)}"
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    with _direct.open(request, timeout=20) as answer:
        return bytes(answer.read())
