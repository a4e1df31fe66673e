"""Golden files of makers: `cases/<name>.json` is a request, `cases/<name>.out` the file it gets.

`python -m tests.contract.golden` writes every `.out` anew; review the change as a diff. A case is

    {"model": "t46s",
     "request": {"path": "001565123456.cfg", "user_agent": "…", "query": ""},
     "lines": [{"number": "1001", "display_name": "Ada", "label": "Ada", "secret": "…"}],
     "prefs": {"time_zone": "Europe/Berlin"},
     "settings": {"maker.key": "value"}}

`lines`, `prefs`, `settings`, `label`, `user_agent` and `query` may be left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import offhook.vendors
from offhook.core.claims import FileMatch
from offhook.core.file_values import LineValues
from offhook.core.identify import Identity, identify
from offhook.core.preferences import Preferences, merged
from offhook.core.vendor import FileKind, VendorProfile
from tests.contract import build

ROOT = Path(offhook.vendors.__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case of a maker, as read."""

    profile: VendorProfile
    path: Path
    data: dict[str, Any]

    @property
    def out(self) -> Path:
        """Where the file that the request gets is kept."""
        return self.path.with_suffix(".out")

    def __str__(self) -> str:
        return f"{self.profile.name}-{self.path.stem}"


def load_cases() -> list[Case]:
    """Read the cases of all makers."""
    return [
        Case(profile=profile, path=path, data=json.loads(path.read_text(encoding="utf-8")))
        for profile in build.PROFILES
        for path in sorted((ROOT / profile.name / "cases").glob("*.json"))
    ]


def identity_of(case: Case) -> tuple[Identity, FileMatch]:
    """Identify the case's request and give its maker's claim on the file."""
    asked = case.data["request"]
    identity = identify(
        build.request(asked["path"], asked.get("user_agent", ""), asked.get("query", "")),
        build.PROFILES,
    )
    match = next(item for item in identity.matches if item.profile is case.profile)
    return identity, match


def render_case(case: Case) -> str:
    """Make the file that the case's request gets."""
    identity, match = identity_of(case)
    model = case.profile.model(case.data["model"])
    assert model is not None, f"{case}: no model {case.data['model']}"
    if match.rule.kind is FileKind.COMMON and match.model is not None:
        assert match.model is model, f"{case}: the name says {match.model.name}"
    else:
        assert identity.mac is not None, f"{case}: no MAC"
    lines = [
        LineValues(
            index=index,
            number=line["number"],
            display_name=line["display_name"],
            label=line.get("label", line["display_name"]),
            auth_name=line["number"],
            secret=line["secret"],
        )
        for index, line in enumerate(case.data.get("lines", []), 1)
    ]
    values = build.device_values(
        model,
        lines=lines,
        prefs=merged(Preferences(), case.data.get("prefs", {})),
        mac=identity.mac or build.MAC,
    )
    return build.render(case.profile, match.rule, values, case.data.get("settings", {}))


def main() -> None:
    """Write every golden file anew."""
    for case in load_cases():
        case.out.write_bytes(render_case(case).encode())


if __name__ == "__main__":
    main()
