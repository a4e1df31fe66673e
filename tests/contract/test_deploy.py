"""What stands in deploy/ fits the program: settings load, units and compose name what exists."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from offhook.engines.kamailio_config import render_kamailio
from offhook.kamailio_settings import cluster_of
from offhook.settings import load_settings

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE = sorted((DEPLOY / "docker").glob("compose.*.yml"))
# Of the Compose specification what is used here; anything else is a spelling mistake.
SERVICE_KEYS = {
    "build",
    "image",
    "network_mode",
    "restart",
    "stop_grace_period",
    "volumes",
    "environment",
    "healthcheck",
    "depends_on",
}


def test_the_settings_of_nodes_can_be_used(tmp_path: Path) -> None:
    config = tmp_path / "config.yml"
    shutil.copy(DEPLOY / "config" / "nodes.yml", config)
    (tmp_path / "secret.key").write_text("A" * 43 + "=\n", encoding="ascii")
    settings = load_settings(config, {})
    assert (settings.server.node_name, settings.sip.engine) == ("north", "kamailio")
    cluster = cluster_of(settings)
    for node in cluster.nodes:
        text = render_kamailio(cluster, node.number)
        assert node.sip in text
        for address in ("192.168.1.11", "192.168.1.12"):
            assert address in text


@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_a_unit_starts_the_command_with_its_settings(file: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names have capitals
    unit.read_string(file.read_text(encoding="utf-8"))
    service = dict(unit["Service"])
    started = f"{service.get('ExecStartPre', '')} {service['ExecStart']}"
    assert "/opt/offhook/.venv/bin/offhook" in started
    assert "--config /var/lib/offhook/config.yml" in started
    assert (service["User"], service["Restart"]) == ("offhook", "always")


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("file", UNITS, ids=lambda file: file.name)
def test_systemd_finds_nothing_wrong_with_a_unit(file: Path, tmp_path: Path) -> None:
    """Its programs are replaced: they are not installed where the unit has them."""
    there = tmp_path / file.name.replace("@.", "@1.")
    text = file.read_text(encoding="utf-8").replace("/opt/offhook/.venv/bin/offhook", "/bin/true")
    there.write_text(text.replace("/usr/sbin/kamailio", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(there)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if there.name in line]
    assert said == []


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_a_compose_file_names_what_exists(file: Path) -> None:
    composed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    services: dict[str, Any] = composed["services"]
    for name, service in services.items():
        assert service.keys() <= SERVICE_KEYS, name
        assert ("image" in service) != ("build" in service), name
        assert set(service.get("depends_on", ())) <= services.keys(), name
        if "build" in service:
            build = service["build"]
            assert (file.parent / build["context"] / build["dockerfile"]).is_file(), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source.startswith("./") or source in composed["volumes"], name


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.name)
def test_settings_in_a_compose_file_exist(file: Path, tmp_path: Path) -> None:
    composed: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    for service in composed["services"].values():
        environ = {
            key: re.sub(r"\$\{\w+[^}]*\}", "word", str(value))
            for key, value in service.get("environment", {}).items()
            if key.startswith("OFFHOOK_")
        }
        load_settings(None, environ)


def test_nodes_of_a_compose_file_differ_by_name_and_port() -> None:
    text = (DEPLOY / "docker" / "compose.nodes.yml").read_text(encoding="utf-8")
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    for key in ("OFFHOOK_SERVER__NODE_NAME", "OFFHOOK_SERVER__HTTP_PORT"):
        values = [services[name]["environment"][key] for name in ("north", "south")]
        assert len(set(values)) == 2
    assert {services[name]["environment"]["NODE"] for name in ("kamailio1", "kamailio2")} == {
        "1",
        "2",
    }
