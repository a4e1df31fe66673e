"""Every page by name, with the address it has in a filled PBX."""

from __future__ import annotations

from tests.faultbench.bench import Bench


def places(bench: Bench | None = None) -> dict[str, str]:
    """Name to path; without a PBX the names only."""
    right, sick = "", ""
    if bench is not None:
        right, sick = bench.phones[0].mac.plain, bench.phones[-1].mac.plain
    return {
        "fleet": "/",
        "phones": "/phones",
        "phone": f"/phones/{right}",
        "phone-sick": f"/phones/{sick}",
        "unknown": "/unknown",
        "people": "/people",
        "add": "/add",
        "templates": "/templates",
        "log": "/log",
        "log-requests": "/log/requests",
        "log-changes": "/log/changes",
        "settings": "/settings",
        "faults": "/faults",
        "fault": "/faults/P301",
        "problem": "/problems/P301",
    }
