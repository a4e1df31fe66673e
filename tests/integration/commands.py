"""Run the command line against a PBX in the test's own loop: in a thread, or as a process."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offhook.cli.commands import app
from offhook.cli.troubleshoot.run import main

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "troubleshoot_provisioning.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Its JSON."""
        return json.loads(self.out)


def captured(action: Callable[[], int | None]) -> Result:
    """Do it in this thread, as a process of its own would."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = action() or 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    return Result(code=code, out=out.getvalue(), err=err.getvalue())


def offhook_now(*arguments: str) -> Result:
    """Run `offhook` in this thread."""
    return captured(lambda: app(list(arguments), prog_name="offhook"))


async def offhook(url: str, *arguments: str) -> Result:
    """Run `offhook` against a PBX, without blocking the loop that it runs in."""
    return await asyncio.to_thread(offhook_now, *arguments, "--url", url)


async def process(*command: str, cwd: Path, **environ: str) -> Result:
    """Run a program with nothing of our environment but the path."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], **environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await started.communicate()
    assert started.returncode is not None
    return Result(code=started.returncode, out=out.decode(), err=err.decode())


async def troubleshoot_here(*arguments: str) -> Result:
    """Run the script's code in this process: faster, where the interpreter does not matter."""
    return await asyncio.to_thread(captured, lambda: main(list(arguments)))


async def troubleshoot(*arguments: str, cwd: Path, **environ: str) -> Result:
    """Run the script on a bare interpreter: -I no environment, -S no installed packages."""
    return await process(sys.executable, "-I", "-S", str(SCRIPT), *arguments, cwd=cwd, **environ)
