"""Fetches the support bundle from the PBX and writes it to a file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from offhook.cli.troubleshoot.api import Api, UnreachableError, UnusableUrlError
from offhook.cli.troubleshoot.report import EXIT_CANNOT_RUN, EXIT_CLEAN
from offhook.cli.troubleshoot.run import Options, url_of

TIMEOUT_S = 120.0


def write_bundle(options: Options, path: Path) -> int:
    """Write the bundle, readable by its owner only; gives the exit code."""
    try:
        api = Api(url=url_of(options), token=options.token, timeout_s=TIMEOUT_S)
        reply = api.call("GET", "/api/diagnosis-bundle")
    except (UnreachableError, UnusableUrlError) as error:
        return _refuse(f"no bundle: {error}")
    if not reply.is_ok:
        _, message, hint = reply.error
        return _refuse(f"no bundle: {message}{'; ' if hint else ''}{hint}")
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(made, "wb") as file:
            file.write(reply.body)
    except OSError as error:
        return _refuse(f"cannot write {path}: {error.strerror}")
    sys.stdout.write(f"{path}: {len(reply.body)} bytes; secrets are masked, names are not\n")
    return EXIT_CLEAN


def _refuse(message: str) -> int:
    sys.stderr.write(f"error: {message}\n")
    return EXIT_CANNOT_RUN
