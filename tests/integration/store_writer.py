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
from offhook.core.model import Line
from tests.store_records import attempt, change, device, extension, open_at, reboot


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


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
        await store.reboots.put_reboots([reboot(f"b{number}")])
        say(f"reboot {number}")


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
