"""The commands of a page of the manual, so that what is rehearsed is what is written there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.server import OFFHOOK, ROOT

_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_REMARK = re.compile(r"\s+# .*")


def commands(chapter: str) -> list[str]:
    """Give all commands of a chapter of docs/scaling.md, each once, without remarks."""
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    text = page.partition(f"\n## {chapter}\n")[2].partition("\n## ")[0]
    lines = "".join(_BLOCK.findall(text)).splitlines()
    return list(dict.fromkeys(_REMARK.sub("", line).strip() for line in lines if line.strip()))


def command(chapter: str, start: str, changes: Mapping[str, str] | None = None) -> str:
    """Give the one command that starts so; `changes` are this test's places for the page's."""
    [found] = [line for line in commands(chapter) if line.startswith(start)]
    for written, ours in (changes or {}).items():
        assert written in found, (written, found)
        found = found.replace(written, ours)
    return found


def run(
    line: str, cwd: Path, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell as an administrator would: `offhook` is on the path."""
    kept = {key: value for key, value in os.environ.items() if "OFFHOOK" not in key}
    path = f"{OFFHOOK.parent}{os.pathsep}{kept['PATH']}"
    return subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=cwd,
        env={**kept, **(environ or {}), "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def done(line: str, cwd: Path, environ: Mapping[str, str] | None = None) -> str:
    """Run a command that must succeed; gives what it printed."""
    ended = run(line, cwd, environ)
    assert ended.returncode == 0, (line, ended.stdout, ended.stderr)
    return ended.stdout
