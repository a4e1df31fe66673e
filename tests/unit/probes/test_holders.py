"""Who holds a port: from a /proc made by hand, and from the real one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from offhook.probes.holders import port_holders

LINE = "   0: 0100007F:{port:04X} 00000000:0000 {state} 0:0 0:0 0 0 0 {inode} 1"


def made(proc: Path, state: str = "0A") -> Path:
    (proc / "net").mkdir()
    lines = ["  sl local rem st ...", LINE.format(port=8080, state=state, inode=4711)]
    (proc / "net" / "tcp").write_text("\n".join(lines))
    (proc / "812" / "fd").mkdir(parents=True)
    (proc / "812" / "comm").write_text("nginx\n")
    (proc / "812" / "fd" / "6").symlink_to("socket:[4711]")
    (proc / "812" / "fd" / "7").symlink_to("/dev/null")
    (proc / "99").mkdir()
    return proc


def test_program_that_listens_is_named(tmp_path: Path) -> None:
    assert port_holders(8080, made(tmp_path)) == ("nginx (process 812)",)


def test_connection_on_the_port_is_no_listener(tmp_path: Path) -> None:
    assert port_holders(8080, made(tmp_path, state="01")) == ()


def test_machine_without_proc_names_nobody(tmp_path: Path) -> None:
    assert port_holders(8080, tmp_path / "none") == ()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_own_socket_is_found(kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as held:
        held.bind(("127.0.0.1", 0))
        if kind is socket.SOCK_STREAM:
            held.listen()
        found = port_holders(held.getsockname()[1])
    assert any(f"process {os.getpid()})" in name for name in found), found
