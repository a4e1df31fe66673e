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
        "phone-lines": f"/phones/{sick}/lines",
        "phone-settings": f"/phones/{sick}/settings",
        "phone-files": f"/phones/{sick}/files",
        "phone-actions": f"/phones/{sick}/actions",
        "phone-timeline": f"/phones/{sick}/timeline",
        "unknown": "/unknown",
        "adopt": "/unknown/0015650003f9",
        "people": "/people",
        "person": "/people/1001",
        "directory": "/people-directory/file",
        "add": "/add",
        "templates": "/templates",
        "template": "/templates/yealink/main.cfg.j2",
        "log": "/log",
        "log-requests": "/log/requests",
        "log-changes": "/log/changes",
        "settings": "/settings",
        "settings-phones": "/settings/phones",
        "tokens": "/settings/tokens",
        "admins": "/settings/admins",
        "faults": "/faults",
        "fault": "/faults/P301",
        "problem": "/problems/P301",
    }
