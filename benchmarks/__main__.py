"""`python -m benchmarks run|compare|sizing`: the project's benchmark, see docs/performance.md."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from benchmarks.compare import pairs, told
from benchmarks.report import page_text, put_into
from benchmarks.rows import ROWS
from benchmarks.run import SIZES, run_rows
from benchmarks.sizing import sizing_text

MARKER, SIZING = "benchmark", "sizing"


def chosen_rows(only: str) -> dict[str, Any]:
    """The groups named, in their order; all when none is. Raises SystemExit for a foreign one."""
    wanted = [name for name in only.split(",") if name]
    if foreign := sorted(set(wanted) - set(ROWS)):
        raise SystemExit(f"no rows {', '.join(foreign)}; there are {', '.join(ROWS)}")
    return {name: ROWS[name] for name in ROWS if not wanted or name in wanted}


def do_run(arguments: argparse.Namespace) -> int:
    """Measure, print the table, write what was asked for; 1 when an answer was wrong or lost."""
    size = SIZES["quick" if arguments.quick else arguments.size]
    result = run_rows(chosen_rows(arguments.only), size, arguments.python)
    print(page_text(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if arguments.page:
        put_into(arguments.page, MARKER, page_text(result))
    return 0 if all(row["is_right"] for row in result["rows"]) else 1


def do_compare(arguments: argparse.Namespace) -> int:
    """Put two results side by side; 1 when something got worse."""
    found = pairs(_read(arguments.before), _read(arguments.after))
    print(told(found))
    return 1 if any(pair.is_worse for pair in found) else 0


def do_sizing(arguments: argparse.Namespace) -> int:
    """Compute what to run for how many phones."""
    try:
        text = sizing_text(_read(arguments.result))
    except KeyError as error:
        raise SystemExit(f"the result lacks {error}: sizing needs a whole run") from None
    print(text)
    if arguments.page:
        put_into(arguments.page, SIZING, text)
    return 0


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def end(_number: int, _frame: object) -> None:
    """End in order, so that no server stays behind."""
    raise SystemExit(143)


def main() -> int:
    """Do what the command line says."""
    signal.signal(signal.SIGTERM, end)
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    run = verbs.add_parser("run", help="measure")
    run.add_argument("--quick", action="store_true", help="about a minute, coarser")
    run.add_argument("--size", default="full", choices=SIZES)
    run.add_argument("--only", default="", help=f"of {','.join(ROWS)}")
    run.add_argument("--python", default=sys.executable, help="interpreter of our servers")
    run.add_argument("--json", type=Path, help="write the result")
    run.add_argument("--page", type=Path, help="write the table between this page's markers")
    run.set_defaults(do=do_run)
    compare = verbs.add_parser("compare", help="two results, by their ratios")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    compare.set_defaults(do=do_compare)
    sizing = verbs.add_parser("sizing", help="what to run for how many phones")
    sizing.add_argument("result", type=Path)
    sizing.add_argument("--page", type=Path, help="write it between this page's markers")
    sizing.set_defaults(do=do_sizing)
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed Offhook starts from bytecode
    return int(arguments.do(arguments))


if __name__ == "__main__":
    sys.exit(main())
