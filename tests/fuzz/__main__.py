"""Coverage-guided fuzzing of the SIP side with atheris: `python -m tests.fuzz --minutes 60`.

Atheris is no dependency of the project. Install it into any Python 3.11 or newer:

    python3 -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris
    PYTHONPATH=src /tmp/fuzz/bin/python -m tests.fuzz --minutes 60

Each target runs in its own process, `--at-once` of them together, an equal share of the minutes
of processor time each. What was found worth keeping stays in `.fuzz/`; an input that breaks
something is written there too and told with the command that plays it again.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = {"stream": 8192, "datagram": 4096, "server": 1024, "registrar": 1024}
MAX_CRASHES = 5
_EXECUTED = re.compile(r"number_of_executed_units:\s*(\d+)")
_COVERED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one target's run came to."""

    target: str
    inputs: int
    edges: int
    minutes: float
    crash: str


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("targets", nargs="*", help="datagram, stream, headers, ...; all without")
    parser.add_argument("--minutes", type=float, default=60.0, help="in all")
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"))
    parser.add_argument("--child", default="")
    parser.add_argument("--play", type=Path, help="play one input again, without atheris")
    options = parser.parse_args()
    if options.play:
        _target(options.targets[0])(options.play.read_bytes())
    elif options.child:
        _fuzz(options.child, options.keep, options.minutes)
    else:
        _fuzz_all(options)


def _target(name: str):  # type: ignore[no-untyped-def] # imported late, under instrumentation
    return importlib.import_module("tests.fuzz.targets").TARGETS[name]


def _fuzz(name: str, keep: Path, minutes: float) -> None:
    """Be the process of one target; atheris does not return."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["offhook.sip", "offhook.engines.phones"]):
        target = _target(name)
    seeds = importlib.import_module("tests.fuzz.seeds").seeds(name)
    corpus = keep / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    arguments = [
        sys.argv[0],
        str(corpus),
        f"-max_total_time={int(minutes * 60)}",
        f"-max_len={MAX_BYTES.get(name, 512)}",
        "-timeout=30",  # seconds of the clock: a busy machine is not a slow input
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-artifact_prefix={keep}/{name}-",
    ]
    atheris.Setup(arguments, target)
    atheris.Fuzz()


def _fuzz_all(options: argparse.Namespace) -> None:
    names = options.targets or list(importlib.import_module("tests.fuzz.targets").TARGETS)
    share = options.minutes / len(names)
    options.keep.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.at_once) as pool:
        results = list(pool.map(lambda name: _run(name, options.keep, share), names))
    for found in results:
        sys.stdout.write(
            f"{found.target:10} {found.inputs:>12,} inputs {found.minutes:7.1f} min "
            f"{found.edges:>6} edges  {found.crash or 'no crash'}\n"
        )
    sys.stdout.write(f"{sum(found.inputs for found in results):,} inputs in all\n")
    sys.exit(any(found.crash for found in results))


def _run(name: str, keep: Path, minutes: float) -> Result:
    """Run one target for its minutes; what breaks it is told, and it goes on."""
    log = keep / f"{name}.log"
    log.unlink(missing_ok=True)
    ends_at = time.monotonic() + minutes * 60
    inputs, edges, spent_s, crashes = 0, 0, 0.0, 0
    while (left_s := ends_at - time.monotonic()) > 1 and crashes < MAX_CRASHES:
        code, text, usage_s = _run_once(name, keep, left_s / 60)
        executed, covered = _EXECUTED.search(text), _COVERED.findall(text)
        inputs += int(executed.group(1)) if executed else 0
        edges = max(edges, int(covered[-1]) if covered else 0)
        spent_s += usage_s
        crashes += code != 0
        with log.open("a") as out:
            out.write(text)
    crash = f"{crashes} crashes, see {log}" if crashes else ""
    return Result(target=name, inputs=inputs, edges=edges, minutes=spent_s / 60, crash=crash)


def _run_once(name: str, keep: Path, minutes: float) -> tuple[int, str, float]:
    """Give exit code, output and seconds of processor time of one process."""
    command = [sys.executable, "-m", "tests.fuzz", "--child", name]
    command += ["--minutes", str(minutes), "--keep", str(keep)]
    output = keep / f"{name}.running"
    with output.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONHASHSEED": "0"}
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = output.read_text("utf-8", "replace")
    return process.returncode, text, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
