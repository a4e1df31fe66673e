"""Advice from a maker's profile: the URL to type, where to type it, what DHCP must say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from offhook.core.vendor import VendorProfile

_IS_NUMBERED = re.compile(r"\d+[.)] ")


def variable_url(profile: VendorProfile, base: str) -> str:
    """Build the guide's URL with the maker's MAC variable; the safer form when it has none."""
    if not profile.placeholder:
        return safer_url(profile, base)
    return f"{base}{profile.placeholder}.cfg"


def safer_url(profile: VendorProfile, base: str) -> str:
    """Build the URL that does not depend on what the phone does with a variable."""
    return profile.url_form.replace("{base}", base)


def safer_lines(profile: VendorProfile, base: str) -> list[str]:
    """Advise the safer form, unless it is the guide's form itself."""
    safer = safer_url(profile, base)
    is_same = safer == variable_url(profile, base)
    return [] if is_same else [f"Safer, whatever the firmware expands: {safer}"]


def menu_lines(profile: VendorProfile, url: str) -> list[str]:
    """Number the maker's menu steps, the URL filled in."""
    filled = (step.replace("{url}", url) for step in profile.menu)
    return [
        step if _IS_NUMBERED.match(step) else f"{number}. {step}"
        for number, step in enumerate(filled, 1)
    ]


def note(profile: VendorProfile, profiles: Mapping[str, VendorProfile]) -> str:
    """Warn of the variable that is typed by mistake, in the guide's words."""
    usual = usual_placeholder(profiles)
    if not profile.placeholder:
        return "Note: this maker has no MAC variable"
    if usual not in ("", profile.placeholder):
        return f"Note: {profile.label} uses `{profile.placeholder}` instead of `{usual}`"
    wrong = "{mac}" if profile.placeholder != "{mac}" else "$mac"
    return f"Note: Use `{profile.placeholder}` NOT `{wrong}`"


def usual_placeholder(profiles: Mapping[str, VendorProfile]) -> str:
    """Give the MAC variable that most makers use; empty without profiles."""
    groups = _groups(profiles)
    return max(groups, key=lambda placeholder: len(groups[placeholder])) if groups else ""


def url_lines(base: str, profiles: Mapping[str, VendorProfile], before: str = "") -> list[str]:
    """Say for each group of makers which URL is right; `before` is put before each URL."""
    lines = []
    for makers in _groups(profiles).values():
        labels = ", ".join(maker.label for maker in makers)
        lines += [f"# For {labels}:", f"{before}{variable_url(makers[0], base)}"]
    return lines


def dhcp_lines(profile: VendorProfile, base: str) -> list[str]:
    """List what DHCP must say to a maker's phones: option 66 in both forms, then their others.

    An entry of `profile.dhcp` is an option's number, or a line with `{url}` and `{base}`. The value
    of another number is not printed: options 43 and 150 are no plain URLs.
    """
    url, safer = variable_url(profile, base), safer_url(profile, base)
    lines = [f"Option 66: {url}"]
    lines += [
        entry.replace("{url}", url).replace("{base}", base)
        for entry in profile.dhcp
        if not entry.isdigit()
    ]
    if not any(line.endswith(f" {safer}") for line in lines):
        lines.append(f"Option 66, safer: {safer}")
    others = [entry for entry in profile.dhcp if entry.isdigit() and entry != "66"]
    if others:
        lines.append(f"An old value in option {', '.join(others)} may win over it")
    return list(dict.fromkeys(lines))


def dhcp_step(urls: Sequence[str]) -> str:
    """Word the step for sites that tell the URL by DHCP, as the guide prints it."""
    return "\n".join(("Update DHCP Option 66 (if using DHCP provisioning):", *urls))


def _groups(profiles: Mapping[str, VendorProfile]) -> dict[str, list[VendorProfile]]:
    groups: dict[str, list[VendorProfile]] = {}
    for profile in profiles.values():
        if profile.placeholder:
            groups.setdefault(profile.placeholder, []).append(profile)
    return groups
