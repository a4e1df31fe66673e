"""A row of the benchmark, the table of all, and its place in a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    `ratio` is what was reached of the limit: 1 is as good as it, more is better; None where
    nothing could be compared. `by` says of what. `is_right` is false for a wrong or lost answer:
    then no figure counts. `numbers` are for programs.
    """

    name: str
    what: str
    ours: str
    limit: str
    ratio: float | None
    by: str = ""
    is_right: bool = True
    notes: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def missing(name: str, what: str, why: object) -> Row:
    """A row that could not be measured, with the reason."""
    return Row(name=name, what=what, ours="not measured", limit="", ratio=None, notes=str(why))


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Make the Markdown table."""
    lines = [
        "| Row | What | Offhook | Limit or peer, same run | Ratio | Remarks |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        ratio = "" if row["ratio"] is None else f"**{row['ratio']:.2f}**"
        ratio += f" {row['by']}" if row["by"] and ratio else ""
        ours = row["ours"] if row["is_right"] else f"**disqualified** ({row['ours']})"
        cells = (f"`{row['name']}`", row["what"], ours, row["limit"], ratio, row["notes"])
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def replaced_between(text: str, name: str, inner: str) -> str:
    """Put something between the markers of a name. Raises ValueError where there are none."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"no markers {begin} ... {end}")
    return f"{before}{begin}\n{inner.strip()}\n{end}{after}"


def put_into(page: Path, name: str, inner: str) -> None:
    """Update a page."""
    page.write_text(replaced_between(page.read_text("utf-8"), name, inner), "utf-8")


def machine_text(result: Mapping[str, Any]) -> str:
    """Name the machine of a result in sentences."""
    machine, guard = result["machine"], result["guard"]
    flags = machine["python_flags"] or "no options (an unoptimised build)"
    return "\n".join(
        (
            f"Measured {result['at']} in {result['seconds']:.0f} s"
            f"{' (quick)' if result['size'] == 'quick' else ''}: {machine['cpu']}, "
            f"{machine['cores']} cores, {machine['memory_gb']:g} GB, Linux {machine['kernel']}; "
            f"Python {machine['python'].split(' ')[0]}, configured with {flags}; "
            f"uvloop {machine['uvloop'] or 'not installed'}; {machine['nginx'] or 'no nginx'}; "
            f"{machine['kamailio'] or 'no kamailio'}. somaxconn {machine['somaxconn']}, "
            f"rmem_max {machine['rmem_max']}, load at the start "
            f"{', '.join(map(str, machine['load_at_start']))}.",
            "",
            f"Rounds repeated because the machine was not ours: {guard['rounds_repeated']}; kept "
            f"although disturbed: {guard['rounds_kept_disturbed']}; at worst "
            f"{guard['worst_stolen']:.1%} of the time stolen by the host, "
            f"{guard['worst_others']:.1%} used by other programs.",
        )
    )


def page_text(result: Mapping[str, Any]) -> str:
    """All that stands between the markers."""
    return f"{machine_text(result)}\n\n{table(result['rows'])}"
