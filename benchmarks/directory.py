"""Read 20,000 people of a real Active Directory: time beside ldapsearch, loop lag, memory.

Run by hand, as root: `.venv/bin/python -m benchmarks.directory [FOLDER] [people]`. FOLDER keeps the
domain; without one, or the first time, it is made and filled, which takes some minutes.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.integration.ad import FilledDomain, LoopLag, kept_domain
from tests.integration.running import running_pbx
from tests.integration.test_sync_faults import make_sync

from offhook.core.directory import DirectoryPolicy
from offhook.directory.ldap import LdapDirectory
from offhook.directory.ldap_settings import LdapSettings, LdapTimeouts

ROUNDS = 3
ALWAYS = ("objectGUID", "userAccountControl", "accountExpires", "primaryGroupID")


def searched_s(domain: FilledDomain, settings: LdapSettings) -> tuple[float, int]:
    """Have ldapsearch read the same attributes of the same people."""
    command = ["ldapsearch", "-LLL", "-x", "-H", settings.servers[0], "-D", settings.bind_dn]
    command += ["-w", settings.bind_password.reveal(), "-b", settings.base_dn[0]]
    command += ["-E", f"pr={settings.page_size}/noprompt"]
    command += ["(&(sAMAccountType=805306368)(!(isCriticalSystemObject=TRUE)))"]
    command += [*ALWAYS, *settings.attributes]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        environ = os.environ | {"LDAPTLS_CACERT": settings.ca_file}
        subprocess.run(command, stdout=output, env=environ, check=True)
        taken_s = time.perf_counter() - start
        output.seek(0)
        return taken_s, sum(line.startswith(b"dn:") for line in output)


async def read_s(settings: LdapSettings) -> tuple[float, int, float]:
    """Read them ourselves: seconds, people, worst lag of the loop in seconds."""
    start = time.perf_counter()
    async with LoopLag() as lag:
        answer = await LdapDirectory(settings).read(lambda _what, _count: None)
    return time.perf_counter() - start, len(answer.entries), lag.worst_s


async def measure_syncs(domain: FilledDomain, settings: LdapSettings) -> None:
    """Take over everybody, then run again without a change, beside ldapsearch."""
    with tempfile.TemporaryDirectory() as name:
        async with running_pbx(Path(name)) as running:
            sync = make_sync(running, settings, DirectoryPolicy(max_create=100_000))
            first = await sync.run("benchmark")
            print(f"first sync: {first.status}, {len(first.changes)} people, {first.seconds:.1f} s")
            for _ in range(ROUNDS):
                theirs_s, _count = searched_s(domain, settings)
                async with LoopLag() as lag:
                    again = await sync.run("benchmark")
                peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                print(
                    f"sync without changes: {again.status} in {again.seconds:.2f} s, ldapsearch "
                    f"{theirs_s:.2f} s: {again.seconds / theirs_s:.2f} times; loop lag at worst "
                    f"{lag.worst_s * 1000:.0f} ms; peak memory {peak_mb:.0f} MB"
                )


async def main() -> None:
    """Measure in turns, so that a busy machine is busy for both."""
    people = int(sys.argv[2]) if len(sys.argv) > 2 else 20_000
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        if len(sys.argv) > 1:
            folder = sys.argv[1]
        domain = stack.enter_context(kept_domain(Path(folder), people))
        settings = replace(domain.settings(), timeouts=LdapTimeouts())
        for _ in range(ROUNDS):
            theirs_s, count = searched_s(domain, settings)
            ours_s, read, lag_s = await read_s(settings)
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"ldapsearch {count} in {theirs_s:.2f} s; offhook {read} in {ours_s:.2f} s: "
                f"{ours_s / theirs_s:.2f} times; loop lag at worst {lag_s * 1000:.0f} ms; "
                f"peak memory {peak_mb:.0f} MB"
            )
        await measure_syncs(domain, settings)


if __name__ == "__main__":
    asyncio.run(main())
