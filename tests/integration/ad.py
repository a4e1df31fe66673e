"""A real Active Directory on a loopback address, filled with 1,000 people, and a proxy that errs.

Others take the fixtures `filled_domain` (shared, only read) and `own_domain` (may be changed).
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import shlex
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from offhook.core.secret import Secret
from offhook.directory.ldap_settings import LdapSettings, LdapTimeouts

TOOLS = Path(__file__).parent.parent / "tools" / "ad"
PEOPLE = 1000
QUICK = LdapTimeouts(connect_s=1.0, message_s=1.0, run_s=20.0, retry_pauses_s=(0.05,))
"""Deadlines short enough to wait for."""


@dataclass(frozen=True, slots=True)
class FilledDomain:
    """One running domain controller and its people."""

    folder: Path
    env: Mapping[str, str]

    @property
    def base(self) -> str:
        """The domain as DN."""
        return self.env["AD_BASE"]

    @property
    def company(self) -> str:
        """Where the people of the answer sheet are, and nobody else."""
        return f"OU=Company,{self.base}"

    def group(self, name: str) -> str:
        """The DN of a group."""
        return f"CN={name},OU=Groups,{self.base}"

    def settings(self, **changes: Any) -> LdapSettings:
        """Settings that read the company; with short deadlines from servers that are named."""
        settings = LdapSettings(
            servers=(self.env["AD_LDAPS_URL"],),
            bind_dn=self.env["AD_BIND_DN"],
            bind_password=Secret(self.env["AD_BIND_PW"]),
            ca_file=self.env["AD_CA_FILE"],
            base_dn=(self.company,),
            timeouts=QUICK if "servers" in changes else LdapTimeouts(),
        )
        return replace(settings, **changes)

    def sheet(self) -> dict[str, Any]:
        """The answer sheet: `users`, `deleted`, `last_churn`."""
        return json.loads((self.folder / "seed.json").read_text("utf-8"))

    def people(self) -> dict[str, dict[str, Any]]:
        """The accounts of the answer sheet by GUID; a contact is no account."""
        users = self.sheet()["users"]
        return {guid: row for guid, row in users.items() if row["cls"] == "user"}

    def churn(self, **kinds: int) -> dict[str, list[str]]:
        """Change people (`rename=5, delete=1`) and give whom, by kind."""
        words = [f"--{kind.replace('_', '-')}={count}" for kind, count in kinds.items()]
        _run(TOOLS / "seed_users.py", "churn", self.folder, "--seed=7", *words)
        return self.sheet()["last_churn"]

    def change_password(self, password: str) -> None:
        """Change the password of the account that reads, behind its back."""
        _run(TOOLS / "seed_users.py", "passwd", self.folder, password)

    def tell(self, verb: str, *words: object) -> str:
        """Have `samba_ad.sh` do something: `cert KIND`, `freeze`, `thaw`, `stop`, `start`."""
        return _run(TOOLS / "samba_ad.sh", verb, self.folder, *words)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it accept connections and say nothing."""
        self.tell("freeze")
        try:
            yield
        finally:
            self.tell("thaw")

    @asynccontextmanager
    async def proxy(self, *faults: str) -> AsyncIterator[str]:
        """Run a proxy with faults in a process of its own; gives its URL."""
        address = self.env["AD_IP"]
        certificate = self.folder / "tls" / "fault.pem"
        if not certificate.exists():
            self.tell("issue", "fault", address)
        process = await asyncio.create_subprocess_exec(
            str(TOOLS / "ldap_fault.py"),
            f"--listen={address}:0",
            f"--upstream={address}:636",
            f"--cert={certificate}",
            f"--key={certificate.with_suffix('.key')}",
            *faults,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        try:
            line = (await process.stdout.readline()).decode()
            yield line.removeprefix("listening on ").strip()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


@contextmanager
def started_domain(folder: Path) -> Iterator[FilledDomain]:
    """Make and fill a domain (about 8 s), and remove it in the end."""
    _start(folder)
    try:
        _run(TOOLS / "seed_users.py", "fill", folder, f"--users={PEOPLE}")
        yield FilledDomain(folder, _env(folder))
    finally:
        _run(TOOLS / "samba_ad.sh", "destroy", folder)


@contextmanager
def kept_domain(folder: Path, people: int) -> Iterator[FilledDomain]:
    """Run a domain whose folder stays; it is made and filled when it is new."""
    _start(folder)
    try:
        _run(TOOLS / "seed_users.py", "fill", folder, f"--users={people}")
        yield FilledDomain(folder, _env(folder))
    finally:
        _run(TOOLS / "samba_ad.sh", "stop", folder)


@contextmanager
def cloned_domain(original: FilledDomain, folder: Path) -> Iterator[FilledDomain]:
    """Run a copy on another address (about 1 s): same people, same GUIDs."""
    original.tell("clone", folder)
    for name in ("server", "fault"):
        (folder / "tls" / f"{name}.pem").unlink(missing_ok=True)
    try:
        _start(folder)
        yield FilledDomain(folder, _env(folder))
    finally:
        _run(TOOLS / "samba_ad.sh", "destroy", folder)


@pytest.fixture(scope="session")
def filled_domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledDomain]:
    """A domain of 1,000 people that tests only read."""
    if os.geteuid() != 0:
        reason = "a domain controller needs root"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI skips nothing: {reason}")
        pytest.skip(reason)
    with started_domain(tmp_path_factory.mktemp("ad") / "dc") as domain:
        yield domain


@pytest.fixture
def own_domain(filled_domain: FilledDomain, tmp_path: Path) -> Iterator[FilledDomain]:
    """A copy of it that the test may change."""
    with cloned_domain(filled_domain, tmp_path / "dc") as domain:
        yield domain


@dataclass(slots=True)
class LoopLag:
    """How late the loop was, at worst, while it should have been free."""

    worst_s: float = 0.0
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    async def __aenter__(self) -> LoopLag:
        # the heap of the test suite is not what is measured
        gc.collect()
        gc.freeze()
        self._task = asyncio.ensure_future(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        gc.unfreeze()
        assert self._task is not None
        self._task.cancel()

    async def _watch(self) -> None:
        step_s = 0.005
        while True:
            before = time.perf_counter()
            await asyncio.sleep(step_s)
            self.worst_s = max(self.worst_s, time.perf_counter() - before - step_s)


def _start(folder: Path) -> None:
    if (folder / "options").exists() and (folder / "tls" / "server.pem").exists():
        _run(TOOLS / "samba_ad.sh", "start", folder)
        return
    number = random.randrange(1, 250 * 250)
    address = f"127.77.{1 + number // 250}.{1 + number % 250}"
    _run(TOOLS / "samba_ad.sh", "start", folder, "--ip", address)


def _env(folder: Path) -> dict[str, str]:
    lines = shlex.split(_run(TOOLS / "samba_ad.sh", "env", folder))
    return dict(line.split("=", 1) for line in lines)


def _run(program: Path, *words: object) -> str:
    command = [str(program), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout
