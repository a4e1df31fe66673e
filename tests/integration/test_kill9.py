"""What was acknowledged survives SIGKILL at any moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from offhook.actions.ports import AttemptQuery
from tests.store_records import change, extension, open_at

ROUNDS = 4
BATCH_S = 0.1


@dataclass
class Told:
    """What the killed program said last of each kind."""

    devices: set[int] = field(default_factory=set)
    reboots: set[int] = field(default_factory=set)
    attempts: dict[int, float] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        kind, number, *rest = line.split()
        match kind:
            case "device":
                self.devices.add(int(number))
            case "reboot":
                self.reboots.add(int(number))
            case _:
                self.attempts[int(number)] = float(rest[0])

    def must_be_kept(self) -> set[int]:
        """Attempts recorded a batch before the last sign of life.

        A loop or disk that stood still (another program's doing) delays the batch as well: the
        longest silence heard is allowed for, twice, because timer and commit may each meet one.
        """
        moments = list(self.attempts.values())
        silence_s = max((b - a for a, b in pairwise(moments)), default=0.0)
        until = moments[-1] - BATCH_S - 2 * silence_s
        return {number for number, moment in self.attempts.items() if moment <= until}


def write_until_killed(url: str, folder: Path, first: int, lines: int) -> Told:
    told = Told()
    command = [sys.executable, "-m", "tests.integration.store_writer", url, str(folder)]
    with subprocess.Popen([*command, str(first)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(lines):
            told.hear(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        for line in writer.stdout:
            told.hear(line)
    assert writer.returncode == -signal.SIGKILL
    return told


async def test_acknowledged_commits_survive_sigkill(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/offhook.db"
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    acknowledged: set[int] = set()
    rebooted: set[int] = set()
    required: set[int] = set()
    first = 0
    for _ in range(ROUNDS):
        told = write_until_killed(url, tmp_path, first, chance.randrange(1, 400))
        acknowledged |= told.devices
        rebooted |= told.reboots
        required |= told.must_be_kept()
        first = max(told.attempts) + 1000
        store = await open_at(url, tmp_path)
        image = await store.inventory.load()
        _, page = await store.journal.attempts(AttemptQuery(limit=1_000_000))
        kept_reboots = await store.reboots.list_reboots(1_000_000)
        kept_changes = await store.inventory.list_changes(1_000_000)
        sound = await store.database.run(
            lambda connection: connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        )
        await store.close()
        devices = {int(device.settings["n"]): device for device in image.devices}
        recorded = {int(found.request_id[1:]) for found in page}
        assert sound == "ok", seed
        assert acknowledged <= devices.keys(), seed
        assert rebooted <= {int(found.id[1:]) for found in kept_reboots}, seed
        assert required <= recorded, (seed, sorted(required - recorded))
        # A transaction is whole: no device without its extension, line and change.
        assert image.extensions == [extension(n) for n in sorted(devices, key=str)], seed
        assert all(device.extension == str(n) for n, device in devices.items()), seed
        assert {entry.subject for entry in kept_changes} == {str(n) for n in devices}, seed
        assert change(str(max(devices))) in kept_changes, seed
