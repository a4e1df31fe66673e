"""Phones of every maker boot, register, obey NOTIFY and fetch again; and a real one, baresip."""

from __future__ import annotations

from pathlib import Path

import pytest

from offhook.core.mac import Mac
from offhook.core.vendor import VendorProfile
from offhook.simulator.virtual_phone import VirtualPhone
from offhook.vendors import load_profiles
from tests.e2e.server import Server, running, wait_for
