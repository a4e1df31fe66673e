"""The manual page of a maker, made from its profile: what to set on the phone, and its models."""

from __future__ import annotations

from offhook.core.vendor import VendorProfile

BASE = "http://your-pbx-ip:8080/provision/"


def render_vendor_page(profile: VendorProfile, manual: str) -> str:
    """Markdown: URL, menu, DHCP and models from the profile, then the maker's own README."""
    url = f"{BASE}{profile.placeholder}.cfg"
    safer = profile.url_form.replace("{base}", BASE)
    steps = [f"{n}. {step}" for n, step in enumerate(_filled(profile.menu, url), start=1)]
    rows = [
        f"| `{model.name}` | {model.label} | {model.lines} | {model.line_keys} | {model.support} |"
        for model in profile.models
    ]
    parts = [
        f"# {profile.label}",
        f"`vendor` in the API: `{profile.name}`. URL: `{url}`; without any variable: `{safer}`.",
        "## On the phone",
        "\n".join(steps),
        "## Models",
        "| `model` | Name | Accounts | Line keys | Proven |\n|---|---|---|---|---|\n"
        + "\n".join(rows),
        "## More",
        _lowered(manual),
    ]
    return "\n\n".join(parts).rstrip() + "\n"


def _filled(steps: tuple[str, ...], url: str) -> list[str]:
    return [step.replace("{url}", url).replace("{base}", BASE) for step in steps]


def _lowered(manual: str) -> str:
    """The README without its title, headings one level lower."""
    lines = manual.strip().splitlines()[1:]
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines).strip()
