"""Registered phones that do one thing: answer NOTIFY with 200 and note when it came."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.phones import AGENT, FIRST, number_of
from offhook.core.mac import Mac
from offhook.sip.bindings import Binding
from offhook.store.open import open_store

_COPIED = re.compile(rb"^(?:Via|v|From|f|To|t|Call-ID|i|CSeq)[ \t]*:.*$", re.I | re.M)
_USER = re.compile(rb"sip:(\d+)@")


class LightPhones:
    """All phones behind one UDP socket; `told_s` is when each number had its first NOTIFY."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 2**20)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port = int(self._socket.getsockname()[1])
        self.told_s: dict[str, float] = {}
        self._is_stopped = False
        self._thread = threading.Thread(target=self._answer, name="light phones", daemon=True)
        self._thread.start()

    def forget(self) -> None:
        """Begin anew."""
        self.told_s = {}

    def wait(self, numbers: set[str], limit_s: float) -> bool:
        """Wait until each of them was told; false when some were not within the limit."""
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            if numbers <= self.told_s.keys():
                return True
            time.sleep(0.02)
        return False

    def close(self) -> None:
        """End; idempotent."""
        self._is_stopped = True
        self._thread.join(5)
        self._socket.close()

    def _answer(self) -> None:
        while not self._is_stopped:
            try:
                data, sender = self._socket.recvfrom(8192)
            except TimeoutError:
                continue
            line = data[: data.find(b"\r\n")]
            found = _USER.search(line)
            if not line.startswith(b"NOTIFY ") or found is None:
                continue
            self.told_s.setdefault(found[1].decode(), time.monotonic())
            self._socket.sendto(answer_to(data), sender)


def answer_to(request: bytes) -> bytes:
    """A 200 with what RFC 3261 section 8.2.6.2 says must be copied, and a tag."""
    head = request.partition(b"\r\n\r\n")[0]
    fields = [line.rstrip(b"\r") for line in _COPIED.findall(head)]
    tagged = [
        line + b";tag=light"
        if line[:2].lower() in (b"to", b"t:") and b";tag=" not in line
        else line
        for line in fields
    ]
    return b"\r\n".join([b"SIP/2.0 200 OK", *tagged, b"Content-Length: 0", b"", b""])


def register_all(folder: Path, count: int, port: int) -> None:
    """Write the registrations of the first devices into a store that no server has open."""
    asyncio.run(_register(folder, count, port))


async def _register(folder: Path, count: int, port: int) -> None:
    now = datetime.now(UTC)
    store = await open_store(
        f"sqlite:///{folder}/data/offhook.db",
        key_file=folder / "data/secret.key",
        keep_days=30,
        keep_rows=500_000,
        now=lambda: now,
    )
    await store.registrations.save_bindings(
        {number_of(index): [_binding(index, port, now)] for index in range(count)}
    )
    await store.close()


def _binding(index: int, port: int, now: datetime) -> Binding:
    number = number_of(index)
    return Binding(
        aor=number,
        contact=f"sip:{number}@127.0.0.1:{port}",
        source=f"udp:127.0.0.1:{port}",
        call_id=f"light-{number}",
        cseq=1,
        user_agent=AGENT,
        note=Mac(FIRST + index).plain,
        registered_at=now.timestamp(),
        refreshed_at=now.timestamp(),
        expires_at=now.timestamp() + 7200,
    )
