"""The register of makers: every folder beside this file is one, and nobody lists them."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from offhook.core.vendor import VendorProfile


def load_profiles() -> tuple[VendorProfile, ...]:
    """Give the PROFILE of every maker's folder, by name; folders that start with `_` are none.

    Raises ValueError for a folder without a profile and for two makers of one name.
    """
    folders = [
        found.name
        for found in pkgutil.iter_modules(__path__)
        if found.ispkg and not found.name.startswith("_")
    ]
    return ordered({folder: _profile(folder) for folder in folders})


def ordered(profiles: dict[str, VendorProfile]) -> tuple[VendorProfile, ...]:
    """Sort the profiles of the folders by name. Raises ValueError for two of one name."""
    owners: dict[str, str] = {}
    for folder, profile in profiles.items():
        other = owners.setdefault(profile.name, folder)
        if other != folder:
            raise ValueError(f"vendors {other} and {folder} are both named {profile.name}")
    return tuple(sorted(profiles.values(), key=lambda profile: profile.name))


def _profile(folder: str) -> VendorProfile:
    profile = getattr(import_module(f"{__name__}.{folder}"), "PROFILE", None)
    if not isinstance(profile, VendorProfile):
        raise ValueError(f"vendor {folder} has no PROFILE")  # noqa: TRY004  # not a caller's type
    return profile
