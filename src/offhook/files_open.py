"""How many files and sockets this process may have open: raised as far as the system lets it."""

from __future__ import annotations

import contextlib
import sys

SPARE = 256
"""Besides the phones: Python's own files, the API, standard output."""


def raise_open_files(needed: int) -> int:
    """Raise the limit for so many sockets; gives how many there may be, `needed` at most."""
    if sys.platform == "win32":
        return needed
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        # Only root may pass the hard limit.
        for limits in ((wanted, max(wanted, hard)), (hard, hard)):
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                break
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return needed
    return min(needed, soft - SPARE)
