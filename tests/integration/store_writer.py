"""A program that commits without end and says what was acknowledged, until it is killed.

Lines: `device N`, `reboot N` after their commits returned; `attempt N SECONDS` after `record`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from offhook.actions.ports import PutDevice, PutExtension
from offhook.core.model import Line, Reboot, RebootStep
from tests.store_records import T0, attempt, change, device, extension, mac, open_at


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def reboot(number: int) -> Reboot:
    return Reboot(
        id=f"b{number}",
        mac=mac(number),
        extension=str(number),
        contact="sip:x@192.0.2.5",
        vendor="yealink",
        event="check-sync",
        reason="test",
        asked_by="test",
        asked_at=T0,
        step=RebootStep.PENDING,
    )


async def write(url: str, folder: Path, first: int) -> None:
    store = await open_at(url, folder)
    number = first
    while True:
        number += 1
        store.journal.record(attempt(number))
        say(f"attempt {number} {time.monotonic()}")
        phone = device(
            number, lines=(Line(index=1, extension=str(number)),), settings={"n": str(number)}
        )
        await store.inventory.commit(
            [PutExtension(extension=extension(number)), PutDevice(device=phone)],
            [change(str(number))],
        )
        say(f"device {number}")
        await store.reboots.put_reboot(reboot(number))
        say(f"reboot {number}")


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
