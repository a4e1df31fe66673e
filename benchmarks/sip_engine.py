"""The embedded engine with nothing around it but its database, as a process of its own.

`python -m benchmarks.sip_engine <folder> <users>` prints its port and runs until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.sipp import secret_of
from offhook.core.secret import Secret
from offhook.engines.core import SipPolicy
from offhook.engines.embedded import EmbeddedEngine
from offhook.store.open import open_store

FIRST_USER = 100_000


def numbers(users: int) -> list[str]:
    """The extensions of every benchmark."""
    return [str(FIRST_USER + index) for index in range(users)]


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


async def serve(folder: Path, users: int) -> None:
    """Run until SIGTERM."""
    secrets = {number: Secret(secret_of(number)) for number in numbers(users)}
    store = await open_store(
        f"sqlite:///{folder}/engine.db",
        key_file=folder / "secret.key",
        keep_days=30,
        keep_rows=500_000,
        now=now,
    )
    engine = EmbeddedEngine(
        bind="127.0.0.1",
        port=0,
        external_ip="127.0.0.1",
        policy=SipPolicy(realm="offhook"),
        credentials=secrets.get,
        publish=lambda event: None,
        store=store.registrations,
        now=now,
    )
    await engine.start()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    print(f"port {engine.port}", flush=True)
    await stopped.wait()
    await engine.stop()
    await store.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed, as `offhook serve` does."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
