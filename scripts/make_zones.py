"""Write src/offhook/core/zones.py from the tzdata package: each IANA zone's POSIX TZ rule."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from textwrap import fill

HEAD = '''"""POSIX TZ rule (IEEE 1003.1 §8.3) to its IANA zones; made by scripts/make_zones.py."""

ZONES_BY_RULE = {
'''


def main() -> None:
    """Read the footer of every TZif file (RFC 8536 §3.3) and group the zones by rule."""
    root = resources.files("tzdata")
    rules: dict[str, list[str]] = {}
    for name in root.joinpath("zones").read_text(encoding="ascii").split():
        data = root.joinpath("zoneinfo", *name.split("/")).read_bytes()
        rule = data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
        rules.setdefault(rule, []).append(name)
    rows = []
    for rule, names in sorted(rules.items()):
        text = fill(" ".join(sorted(names)), 88, break_on_hyphens=False)
        parts = [f'        "{line} "' for line in text.split("\n")]
        rows.append(f'    "{rule}": (\n' + "\n".join(parts) + "\n    ),\n")
    target = Path(__file__).parent.parent / "src/offhook/core/zones.py"
    target.write_text(HEAD + "".join(rows) + "}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
