"""The command line: `offhook`. Importing this imports no library, for the bare troubleshooter."""

from __future__ import annotations


def main() -> None:
    """Run the `offhook` command and exit with its code."""
    from offhook.cli.commands import run

    raise SystemExit(run())
