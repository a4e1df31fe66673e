"""`offhook simulate N` beside `offhook serve`, as a person runs them, in every scenario."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.e2e.server import OFFHOOK, Server

COUNT = 100
CREATE = ("--create", "--within", "1")


def command(server: Server, *arguments: str) -> list[str]:
    return [str(OFFHOOK), "simulate", *arguments, "--url", server.url]


def simulate(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(server, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def report(server: Server, *arguments: str, code: int = 0) -> Any:
    done = simulate(server, *arguments, "--json")
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_a_storm_of_all_makers_comes_up_right(server: Server) -> None:
    found = report(server, str(COUNT), *CREATE)
    assert found["is_clean"], found["failures"]
    assert found["figures"]["right"] == found["counts"]["register"] == COUNT
    assert len(found["makers"]) == 5
    assert server.api("GET", "/api/status")["registered"] == COUNT


def test_they_register_anew_and_call_each_other(server: Server) -> None:
    arguments = ("--scenario", "steady", "--seconds", "4", "--calls", "5", "--speed", "900")
    found = report(server, str(COUNT), *CREATE, *arguments)
    assert found["is_clean"], found["failures"]
    assert found["counts"]["refresh"] >= COUNT
    assert found["counts"]["calls_good"] == found["counts"]["calls"] >= 10


def test_exactly_the_renamed_are_told(server: Server) -> None:
    found = report(server, str(COUNT), *CREATE, "--scenario", "reprovision", "--rename", "20")
    assert found["is_clean"], found["failures"]
    assert (found["figures"]["renamed"], found["figures"]["touched"]) == (20, 0)
    assert found["counts"]["notify"] == found["times_s"]["notify_to_registered"]["count"] == 20
    reboots = server.api("GET", "/api/reboots")["reboots"]
    assert sum(item["was_challenged"] for item in reboots) == 8  # of two makers of five


def test_known_phones_beside_junk(server: Server) -> None:
    arguments = ("--scenario", "junk", "--seconds", "2", "--rate", "200")
    found = report(server, "20", *CREATE, *arguments)
    assert found["is_clean"], found["failures"]
    assert found["counts"]["junk"] > 100
    assert found["times_s"]["fetch_beside_junk"]["count"] > 20


def test_a_wrong_secret_and_a_missing_device_are_named(server: Server) -> None:
    specs = report(server, "10", *CREATE)
    assert specs["is_clean"]
    server.api("DELETE", "/api/provisioning/devices/0253494d0000")
    server.api(
        "PATCH",
        "/api/provisioning/devices/0253494d0003",
        {"settings": {"account.1.password": "not-the-one-on-record"}},
    )
    done = simulate(server, "9", "--within", "0")
    assert done.returncode == 1, done.stdout
    assert "1 x register: 401 Unauthorized" in done.stdout
    assert "02:53:49:4D:00:03 yealink" in done.stdout


def test_it_asks_before_it_adds_and_cleans_up(server: Server) -> None:
    refused = simulate(server, "3")
    assert refused.returncode == 2
    assert "--create adds the missing ones" in refused.stderr
    assert server.api("GET", "/api/status")["devices"] == 0
    done = simulate(server, "3", *CREATE, "--clean", "--yes")
    assert done.returncode == 0, done.stderr
    assert "Added: 3 of 3" in done.stdout
    assert "Removed: 3 of 3" in done.stdout
    status = server.api("GET", "/api/status")
    assert (status["devices"], status["extensions"]) == (0, 0)


def test_the_pbx_own_devices_are_played_only_when_asked(server: Server) -> None:
    server.add("1001", "Ada")
    server.add_device("00:15:65:12:34:56", "1001", "yealink", "t46s")
    assert simulate(server, "1").returncode == 2
    found = report(server, "1", "--existing", "--within", "0")
    assert found["figures"]["right"] == 1
    assert server.api("GET", "/api/extensions/1001")["registered"]
    renaming = simulate(server, "1", "--existing", "--scenario", "reprovision")
    assert renaming.returncode == 2
    assert "renames extensions" in renaming.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_it_with_the_report_so_far(server: Server, how: signal.Signals) -> None:
    arguments = ("5", *CREATE, "--scenario", "steady", "--seconds", "600")
    with subprocess.Popen(
        command(server, *arguments), stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    ) as started:
        assert started.stdout is not None
        for line in started.stdout:
            if line.startswith("working: "):
                break
        started.send_signal(how)
        rest, _ = started.communicate(timeout=30)
    assert started.returncode == 0, rest
    assert "steady: 5 phones" in rest
    assert "ended early" in rest
    assert "No failures" in rest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("5", "--url", "http://192.0.2.1:8080/"), "--i-own-this-network"),
        (("5", "--url", "http://127.0.0.1:1/"), "the PBX does not answer"),
        (("5", "--mac", "001565123456"), "of one phone"),
        ((), "--vendor, --model, --mac missing"),
    ],
)
def test_what_cannot_run_says_why(arguments: tuple[str, ...], said: str) -> None:
    done = subprocess.run(
        [str(OFFHOOK), "simulate", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
